"""Safe Synthesizer on Ray: a sensitive table in, a safe synthetic table out.

Importing does nothing: `ss_ray.pipelines.run.run` is the entry point for Python, `ss-ray` for a shell.
"""

__version__ = "0.1.0"

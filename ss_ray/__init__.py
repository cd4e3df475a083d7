"""Safe Synthesizer on Ray: a sensitive table in, a safe synthetic table out.

    from ss_ray import Synthesizer

    synthesizer = Synthesizer(epsilon=4).fit(df)
    table = synthesizer.sample(10_000)

Importing does nothing: what is named here is loaded when it is used. `ss_ray.pipelines.run.run` is the same for files
and a whole `Config`, `ss-ray` the same for a shell.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ss_ray.python.functions import audit, compare, evaluate, replace_pii
    from ss_ray.python.synthesizer import Synthesizer

__version__ = "0.1.0"
__all__ = ["Synthesizer", "__version__", "audit", "compare", "evaluate", "replace_pii"]


def __getattr__(name: str) -> object:
    """A name of `__all__`, loaded on first use: Ray, torch and pandas take seconds."""
    if name not in __all__:
        raise AttributeError(f"module 'ss_ray' has no attribute {name!r}")

    from ss_ray.python import functions

    return getattr(functions, name)

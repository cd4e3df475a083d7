"""The front door for Python: tables in memory go in, and come back as what went in."""

from ss_ray.python.notebook import silence_widgets

# Before the modules of this package import Ray.
silence_widgets()

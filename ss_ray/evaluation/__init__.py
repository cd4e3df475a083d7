"""Is the synthetic table good, and is it safe? Measurements on data frames, scores and the report.

`evaluate.evaluate` is the entry point; no module here but `stage` knows Ray.
"""

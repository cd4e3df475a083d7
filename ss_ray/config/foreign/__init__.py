"""Schemas of other tools, read as `data.columns` and `constraints`, and a run's schema written for them."""

"""A look at a table before a job: its first rows, what a run would do with it, and how long it would take."""

"""Personal data in a table: which columns and spans hold it, and the stand-ins that take its place."""

"""Tables that are no files: databases, Delta Lake, Iceberg; their rows are copied once, and the copy is read."""

"""From a model to new rows."""

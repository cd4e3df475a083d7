"""From encoded rows to a model."""

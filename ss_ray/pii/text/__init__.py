"""Personal data in texts: recognizers of patterns, a named-entity model, and windows for long texts."""

"""Rows as JSON lines, the text that language models read and write, and the grammar of valid lines."""

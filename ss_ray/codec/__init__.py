"""Rows to token ids and back, and which tokens may come next."""

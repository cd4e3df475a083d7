"""Attacks on the synthetic table, and the verdict that follows from their results."""

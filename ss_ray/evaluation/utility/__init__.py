"""Utility: prediction of real rows by models that learned from the synthetic table."""

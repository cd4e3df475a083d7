"""Whole jobs from a table to its result: run, generate, evaluate, replace personal data, audit."""

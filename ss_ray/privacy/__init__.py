"""Differential privacy: plan, accounting, ledger, private schema, audit."""

"""How well models that learned from the synthetic table predict real rows."""

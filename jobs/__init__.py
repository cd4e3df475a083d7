"""Entry points of Ray jobs."""

"""Stand-ins: keyed values that take the place of personal data."""

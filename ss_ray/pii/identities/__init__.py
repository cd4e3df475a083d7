"""Identities are made, not learned: models see placeholders, and every synthetic row gets an invented person."""

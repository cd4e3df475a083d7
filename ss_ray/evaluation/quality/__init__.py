"""Similarity of the synthetic and the real table: column by column, in pairs, as texts and as sequences."""

"""How alike the synthetic and the real table are: column by column, in pairs, as texts and as sequences."""

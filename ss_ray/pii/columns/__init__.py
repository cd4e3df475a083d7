"""Personal data by column: a column's values and header decide the entity type of its cells."""

"""The pages and files in which people and programs read an evaluation."""

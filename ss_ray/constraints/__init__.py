"""Rules between columns that hold in every synthetic row: checked, enforced, and suggested from data."""

"""The front door for Python: tables in memory go in, and come back as what went in."""

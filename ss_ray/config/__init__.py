"""The request: every section of the configuration as a frozen model, and the files it is read from."""

"""From a request and the facts of a table to one plan: every default is derived here, and nowhere later."""

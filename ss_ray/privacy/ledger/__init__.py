"""The privacy ledger: the budget of each data set over all jobs."""

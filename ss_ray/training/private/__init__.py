"""Training with differential privacy: DP-SGD, and the tests of the sums that it releases."""

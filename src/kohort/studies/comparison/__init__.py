"""Whether one estimator is better than another."""

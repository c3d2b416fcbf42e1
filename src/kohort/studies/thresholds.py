"""Thresholds."""
RARE_CLASS = 0.1

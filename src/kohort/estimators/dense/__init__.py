"""Estimators of kohort's own dense networks."""

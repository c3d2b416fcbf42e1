"""Findings: causes that keep a network from learning, one file per family of rules."""

"""Findings: what keeps a network from learning, one file per family of rules."""

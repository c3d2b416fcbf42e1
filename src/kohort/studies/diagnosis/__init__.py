"""Diagnosis of the causes that keep a network from learning."""

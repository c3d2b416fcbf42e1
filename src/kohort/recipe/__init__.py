"""Recipes of fits: pure values and pure functions, no training loop."""

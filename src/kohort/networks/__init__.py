"""The shape of a network: pure functions with explicit state."""

"""Executors, which train the members that are submitted, and the places where they do."""

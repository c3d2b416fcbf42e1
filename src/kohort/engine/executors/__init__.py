"""Who trains the members that are submitted, and where."""

"""The adaptive search: where candidates come from, how far they train, and which of them go on."""

"""What keeps a network from learning."""

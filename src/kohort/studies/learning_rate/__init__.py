"""Which learning rate to train with."""

"""Which batch size to train with."""

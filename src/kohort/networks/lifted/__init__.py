"""A user's Keras model as a network of the engine."""

"""A user's Keras model as a scikit-learn estimator."""

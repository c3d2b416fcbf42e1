"""Telling Keras's own code from a user's."""

from __future__ import annotations


def of_keras(thing: object) -> bool:
    """Whether an object's class is Keras's own, and none that runs a function of the user's.

    Examples
    --------
    >>> import keras
    >>> of_keras(keras.layers.Dense(1)), of_keras(keras.layers.Lambda(abs)), of_keras(dict())
    (True, False, False)
    """
    return type(thing).__module__.startswith("keras.") and type(thing).__name__ != "Lambda"

"""A Keras model's variables and layers by their part in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kohort.deferred import jax
from kohort.networks.lifted.keras_private import layers_of, learning_rate_of, loss_tracker

if TYPE_CHECKING:
    import keras


def value_of(variable: keras.Variable) -> NDArray[Any]:
    """A variable's value as a NumPy array, whatever Keras's backend is."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable.value))


def on_device(values: NDArray[Any]) -> Any:
    """An array in the form that Keras's backend keeps, without compiling anything."""
    import keras

    return jax.device_put(values) if keras.backend.backend() == "jax" else values


class Variables:
    """A built model's variables by their part in training.

    Attributes
    ----------
    trained, other, optimizer, metrics : list of Variable
        Variables that a member carries: trained weights; further state of layers; the optimizer's
        state; the metrics' state.
    seeds : list of Variable
        States of random generators, which the engine feeds.
    rate : Variable or None
        The learning rate, which the engine feeds; None if a schedule computes it.
    held : list of Variable
        The rate and the tracker of the loss, which carry nothing.
    """

    def __init__(self, model: keras.Model) -> None:
        optimizer = model.optimizer
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        rate = learning_rate_of(inner)
        self.rate = next((v for v in optimizer.variables if v is rate), None)
        self.seeds = [
            v for v in model.non_trainable_variables if v.dtype == "uint32" and v.shape == (2,)
        ]
        self.held = [
            *([] if self.rate is None else [self.rate]),
            *loss_tracker(model).variables,
        ]
        apart = {id(v) for v in (*self.seeds, *self.held)}

        def kept(variables: Sequence[Any]) -> list[Any]:
            return [v for v in variables if id(v) not in apart]

        self.trained = list(model.trainable_variables)
        self.other = kept(model.non_trainable_variables)
        self.optimizer = kept(optimizer.variables)
        self.metrics = kept(model.metrics_variables)

    @property
    def carried(self) -> list[Any]:
        """All that change in training, in the order in which a member carries them."""
        return [*self.trained, *self.other, *self.optimizer, *self.metrics]


def normalizations(model: keras.Model) -> list[Any]:
    """Keras's own layers of batch normalisation."""
    import keras

    return [
        layer
        for layer in layers_of(model, itself=False)
        if type(layer) is keras.layers.BatchNormalization
    ]

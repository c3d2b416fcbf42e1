"""A chain in the kernels' terms: the arguments of `Program` in src/native/module.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from kohort.arrays import Floats
from kohort.networks.base import ChainLayer, ChainState, DenseChain

# Each list is in the order of the enumeration of the same name in src/native/spec.hpp.
ACTIVATIONS = (
    "relu", "leaky_relu", "prelu", "elu", "selu", "softplus", "silu", "swish", "gelu", "gelu_tanh",
    "mish", "tanh", "sigmoid", "softsign", "hard_sigmoid", "relu6", "celu", "hard_silu",
    "hard_swish", "exponential", "linear",
)  # fmt: skip
NORMS = ("none", "batch_before", "batch_after", "layer_before", "layer_after")
LOSSES = (
    "mse", "mae", "huber", "log_cosh", "quantile", "poisson", "binary_crossentropy",
    "sparse_categorical_crossentropy", "binary_focal_crossentropy",
    "categorical_focal_crossentropy", "categorical_crossentropy",
)  # fmt: skip
METRICS = (
    "hits", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "mse", "mae",
    "rmse",
)  # fmt: skip
FAMILIES = (
    "sgd", "momentum", "rmsprop", "adam", "adamax", "nadam", "adagrad", "adadelta", "lion",
)  # fmt: skip
USES = (
    "label_smoothing", "weight_decay", "clipvalue", "clipnorm", "global_clipnorm", "averaging",
    "freezing", "input_dropout", "gaussian_noise", "amsgrad", "centered", "momentum",
    "softmax_output", "clipped_probabilities", "keras_noise", "steady_momentum",
)  # fmt: skip
NUMBERS = (
    "huber_delta", "quantile", "label_smoothing", "focal_gamma", "nesterov", "amsgrad", "centered",
    "weight_decay", "beta_2", "gain_2", "rho", "gain_rho", "epsilon", "ema_momentum", "averaged",
    "clipvalue", "clipnorm", "global_clipnorm", "input_dropout", "gaussian_noise",
    "least_probability", "momentum", "beta_1", "gain_1",
)  # fmt: skip

_SCALARS = {"adam": 1, "adamax": 1, "nadam": 2}
"""Numbers that a state begins with: the step, and Nadam's product of momenta."""

_TREES = {
    "sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2, "adamax": 2, "nadam": 2, "adagrad": 1,
    "adadelta": 2, "lion": 1,
}  # fmt: skip
"""Arrays of the trained variables' size that a state holds, beside those of options."""

_OPTIONS = {"rmsprop": ("momentum", "centered"), "adam": ("amsgrad",)}


def lacks(chain: DenseChain) -> str:
    """The feature that the kernels lack, as a word for a table; empty if they lack none."""
    for name, known in (
        *((layer.activation, ACTIVATIONS) for layer in chain.layers),
        *((layer.norm, NORMS) for layer in chain.layers),
        (chain.loss, LOSSES), (chain.family, FAMILIES),
        *((metric.name, METRICS) for metric in chain.metrics),
        *((use, (*USES, *ChainLayer._fields)) for use in sorted(chain.uses)),
    ):  # fmt: skip
        if name not in known:
            return name
    return ""


@dataclass(frozen=True)
class StateRow:
    """A member's optimizer state and averages as one row, as XLA's programs have it.

    Attributes
    ----------
    size : int
    averaged : int
        How many of the last entries are averaged weights.
    initial : array, shape (size,)
    places : ChainState
        The last tree holds averages if they are used.
    """

    size: int
    averaged: int
    initial: Floats
    places: ChainState

    @classmethod
    def of(cls, chain: DenseChain, shapes: Sequence[tuple[int, ...]], dtype: str) -> StateRow:
        """Return the row of a chain whose trained variables have such shapes."""
        if chain.state is not None:
            return cls(0, 0, np.zeros(0, np.dtype(dtype)), chain.state)
        sizes = [prod(shape) for shape in shapes]
        trained, scalars = sum(sizes), _SCALARS.get(chain.family, 0)
        options = [name for name in _OPTIONS.get(chain.family, ()) if name in chain.uses]
        averaged = "averaging" in chain.uses
        trees = _TREES[chain.family] + len(options) + averaged
        initial = np.zeros(scalars + trees * trained, np.dtype(dtype))
        if chain.family == "nadam":
            initial[1] = 1
        if chain.family == "adagrad":
            initial[:trained] = 0.1
        starts = np.cumsum([0, *sizes[:-1]])
        places = [tuple((scalars + tree * trained + starts).tolist()) for tree in range(trees)]
        state = ChainState(tuple(range(scalars)), tuple(places))
        return cls(len(initial), trained * averaged, initial, state)


def program_fields(
    chain: DenseChain, trained: Sequence[tuple[int, ...]], dtype: str
) -> dict[str, Any]:
    """Return the arguments that a chain gives; its trained variables have such shapes."""
    row = StateRow.of(chain, trained, dtype)
    averaging = chain.state is None and "averaging" in chain.uses
    return {
        "features": chain.features,
        "outputs": chain.outputs,
        "layers": [number for layer in chain.layers for number in _layer(layer)],
        "standardised": chain.standardised,
        "loss": LOSSES.index(chain.loss),
        "family": FAMILIES.index(chain.family),
        "uses": sum(1 << USES.index(use) for use in chain.uses if use in USES),
        "column": [_column(chain, name) for name in NUMBERS],
        "columns": len(chain.numbers),
        "input_stream": chain.input_stream,
        "places": list(chain.places),
        "scalar_places": list(row.places.scalars),
        "state_places": [place for tree in row.places.trees for place in tree],
        "trees": len(row.places.trees) - averaging,
        "state_in_params": chain.state is not None,
        "metrics": [n for m in chain.metrics for n in (METRICS.index(m.name), *m[1:])],
        "params_size": chain.size,
        "state_size": row.size,
    }


def _layer(layer: ChainLayer) -> tuple[int, ...]:
    """The fields of LayerSpec in src/native/spec.hpp."""
    places = ACTIVATIONS.index(layer.activation), NORMS.index(layer.norm)
    return (layer.width, *places, *map(int, layer[3:]))


def _column(chain: DenseChain, name: str) -> int:
    return chain.numbers.index(name) if name in chain.numbers else -1

"""Losses per row, as pure functions of target and raw network output.

Each takes `target` and `output` of shape `(batch, targets)` and returns one value per row,
`(batch,)`, averaged over the targets as Keras does. `numbers` holds a member's hyperparameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from kohort.deferred import jax, jnp

Numbers: TypeAlias = "Mapping[str, jax.Array]"
Loss: TypeAlias = "Callable[[jax.Array, jax.Array, Numbers], jax.Array]"


def absolute(x: jax.Array) -> jax.Array:
    """Absolute value with slope 0 at 0; that of `jnp.abs` is 1 there since JAX 0.10.

    Examples
    --------
    >>> float(jax.grad(absolute)(0.0))
    0.0
    """
    return x * jax.lax.stop_gradient(jnp.sign(x))


def _mean_squared_error(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    return jnp.mean(jnp.square(output - target), axis=-1)


def _mean_absolute_error(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    return jnp.mean(absolute(output - target), axis=-1)


def _log_cosh(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    error = output - target
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - jnp.log(2.0), axis=-1)


def _huber(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    """Huber 1964: quadratic up to delta, linear beyond."""
    delta = numbers["huber_delta"]
    size = jnp.abs(output - target)
    inside = jnp.minimum(size, delta)
    return jnp.mean(inside * (size - 0.5 * inside), axis=-1)


def _quantile(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    """Koenker and Bassett 1978: the pinball loss."""
    error = target - output
    share = numbers["quantile"]
    return jnp.mean(jnp.maximum(share * error, (share - 1) * error), axis=-1)


def _poisson(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    """Negative log-likelihood without its constant; the output is the logarithm of the mean."""
    return jnp.mean(jnp.exp(output) - target * output, axis=-1)


def _binary_crossentropy(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    positive, negative = jax.nn.softplus(-output), jax.nn.softplus(output)
    return jnp.mean(target * positive + (1 - target) * negative, axis=-1)


def _focus(wrong: jax.Array, numbers: Numbers) -> jax.Array:
    """`wrong**focal_gamma`, with a finite slope at 0 for any exponent."""
    tiny = float(np.finfo(wrong.dtype).tiny)
    return jnp.exp(numbers["focal_gamma"] * jnp.log(jnp.maximum(wrong, tiny)))


def _binary_focal(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    """Lin et al. 2017 (arXiv:1708.02002), without balancing of the classes."""
    wrong = target * jax.nn.sigmoid(-output) + (1 - target) * jax.nn.sigmoid(output)
    entropy = target * jax.nn.softplus(-output) + (1 - target) * jax.nn.softplus(output)
    return jnp.mean(_focus(wrong, numbers) * entropy, axis=-1)


def _categorical_crossentropy(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    return -jnp.sum(target * jax.nn.log_softmax(output, axis=-1), axis=-1)


def _categorical_focal(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    logarithm = jax.nn.log_softmax(output, axis=-1)
    return -jnp.sum(target * _focus(-jnp.expm1(logarithm), numbers) * logarithm, axis=-1)


def _binary_targets(target: jax.Array, output: jax.Array) -> jax.Array:
    return target


def _one_hot(target: jax.Array, output: jax.Array) -> jax.Array:
    return jax.nn.one_hot(target[..., 0].astype(jnp.int32), output.shape[-1], dtype=output.dtype)


# Losses of probabilities: how a target becomes probabilities, and their divergence.
_PROBABILITIES: dict[str, tuple[Callable[[jax.Array, jax.Array], jax.Array], Loss]] = {
    "binary_crossentropy": (_binary_targets, _binary_crossentropy),
    "sparse_categorical_crossentropy": (_one_hot, _categorical_crossentropy),
    "binary_focal_crossentropy": (_binary_targets, _binary_focal),
    "categorical_focal_crossentropy": (_one_hot, _categorical_focal),
}


def _classification(name: str, smoothed: bool) -> Loss:
    encode, divergence = _PROBABILITIES[name]

    def loss(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
        probabilities = encode(target, output)
        if smoothed:
            share = numbers["label_smoothing"]
            classes = output.shape[-1] if encode is _one_hot else 2
            probabilities = probabilities * (1 - share) + share / classes
        return divergence(probabilities, output, numbers)

    return loss


REGRESSION: dict[str, Loss] = {
    "mse": _mean_squared_error,
    "mae": _mean_absolute_error,
    "huber": _huber,
    "log_cosh": _log_cosh,
    "quantile": _quantile,
    "poisson": _poisson,
}
CLASSIFICATION: dict[str, Loss] = {name: _classification(name, False) for name in _PROBABILITIES}
LOSSES: dict[str, Loss] = REGRESSION | CLASSIFICATION

LINKS: dict[str, str] = {
    **dict.fromkeys(REGRESSION, "linear"),
    "poisson": "exponential",
    "binary_crossentropy": "sigmoid",
    "binary_focal_crossentropy": "sigmoid",
    "sparse_categorical_crossentropy": "softmax",
    "categorical_focal_crossentropy": "softmax",
}
"""Keras activation that turns raw outputs into predictions."""

# Keras's longer identifiers.
ALIASES = {
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "logcosh": "log_cosh",
}


def loss_of(name: str, uses: frozenset[str]) -> Loss:
    """The loss as a program with the given techniques contains it.

    Parameters
    ----------
    name : str
        A key of `LOSSES`.
    uses : frozenset of str
        With `"label_smoothing"` among them, targets are smoothed by the number of that name.
    """
    if name in _PROBABILITIES:
        return _classification(name, "label_smoothing" in uses)
    return LOSSES[name]


def names() -> list[str]:
    """Every accepted loss identifier, long forms included."""
    return [*LOSSES, *ALIASES]

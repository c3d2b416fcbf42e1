"""Losses per row, as pure functions of target and raw network output.

Each takes `target` and `output` of shape `(batch, targets)` and returns one value per row,
`(batch,)`, averaged over the targets as Keras does. `numbers` holds a member's hyperparameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

Numbers = Mapping[str, jax.Array]
Loss = Callable[[jax.Array, jax.Array, Numbers], jax.Array]


def _mean_squared_error(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    return jnp.mean(jnp.square(output - target), axis=-1)


def _mean_absolute_error(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    return jnp.mean(jnp.abs(output - target), axis=-1)


def _log_cosh(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    error = output - target
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - jnp.log(2.0), axis=-1)


def _binary_crossentropy(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    positive, negative = jax.nn.softplus(-output), jax.nn.softplus(output)
    return jnp.mean(target * positive + (1 - target) * negative, axis=-1)


def _categorical_crossentropy(target: jax.Array, output: jax.Array, numbers: Numbers) -> jax.Array:
    chosen = jax.nn.one_hot(target[..., 0].astype(jnp.int32), output.shape[-1], dtype=output.dtype)
    return -jnp.sum(chosen * jax.nn.log_softmax(output, axis=-1), axis=-1)


REGRESSION: dict[str, Loss] = {
    "mse": _mean_squared_error,
    "mae": _mean_absolute_error,
    "log_cosh": _log_cosh,
}
CLASSIFICATION: dict[str, Loss] = {
    "binary_crossentropy": _binary_crossentropy,
    "sparse_categorical_crossentropy": _categorical_crossentropy,
}
LOSSES: dict[str, Loss] = REGRESSION | CLASSIFICATION

# Keras's longer identifiers.
ALIASES = {
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "logcosh": "log_cosh",
}


def names() -> list[str]:
    """Every accepted loss identifier, long forms included."""
    return [*LOSSES, *ALIASES]

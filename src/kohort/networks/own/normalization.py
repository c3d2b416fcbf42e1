"""Batch and layer normalisation over the rows and units that are real."""

from __future__ import annotations

from kohort.deferred import jax, jnp
from kohort.networks.own.context import Context


def batch_norm(
    x: jax.Array,
    scale: tuple[jax.Array, jax.Array],
    averages: tuple[jax.Array, jax.Array],
    context: Context,
) -> tuple[jax.Array, list[jax.Array]]:
    """Keras's BatchNormalization (Ioffe and Szegedy 2015, arXiv:1502.03167).

    Parameters
    ----------
    x : array, shape (batch, unit)
    scale : pair of arrays, shape (unit,)
        gamma and beta.
    averages : pair of arrays, shape (unit,)
        Moving mean and moving variance, used when `context.rows` is None.
    context : Context

    Returns
    -------
    array, shape (batch, unit)
    list of two arrays, shape (unit,)
        The new moving mean and variance.
    """
    if context.rows is None:
        mean, variance = averages
    else:
        real = (jnp.arange(x.shape[0], dtype=jnp.int32) < context.rows)[:, None]
        count = context.rows.astype(x.dtype)
        mean = jnp.sum(jnp.where(real, x, 0), axis=0) / count
        variance = jnp.sum(jnp.where(real, jnp.square(x - mean), 0), axis=0) / count
    gamma, beta = scale
    factor = jax.lax.rsqrt(variance + context.numbers["norm_epsilon"]) * gamma
    result = x * factor + (beta - mean * factor)
    if context.rows is None:
        return result, list(averages)
    stay = context.numbers["batch_norm_momentum"]
    now = (jax.lax.stop_gradient(mean), jax.lax.stop_gradient(variance))
    moved = [old * stay + new * (1 - stay) for old, new in zip(averages, now, strict=True)]
    return result, moved


def layer_norm(
    x: jax.Array, scale: tuple[jax.Array, jax.Array], units: jax.Array, context: Context
) -> jax.Array:
    """Keras's LayerNormalization over the real `units` (Ba et al. 2016, arXiv:1607.06450)."""
    real = jnp.arange(x.shape[1], dtype=jnp.int32) < units
    count = units.astype(x.dtype)
    mean = jnp.sum(jnp.where(real, x, 0), axis=1, keepdims=True) / count
    variance = jnp.sum(jnp.where(real, jnp.square(x - mean), 0), axis=1, keepdims=True) / count
    gamma, beta = scale
    return (x - mean) * jax.lax.rsqrt(variance + context.numbers["norm_epsilon"]) * gamma + beta

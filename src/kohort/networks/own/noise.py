"""Random techniques of training: dropout and its like, as functions of a member's own seed."""

from __future__ import annotations

from kohort.deferred import jax, jnp
from kohort.networks.own.context import Context
from kohort.networks.randomness import normals, survivors

# Streams of random numbers: hidden layers count from 0.
INPUT_DROPOUT = 1 << 20
GAUSSIAN_NOISE = (1 << 20) + 1

# SELU's own constants (Klambauer et al. 2017, arXiv:1706.02515), as Keras's AlphaDropout has them.
_SELU_LIMIT = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


def _keep(x: jax.Array, rate: jax.Array, stream: int, context: Context) -> jax.Array:
    assert context.seed is not None
    assert context.step is not None
    return survivors(rate, context.seed, context.step, stream, *x.shape)


def dropout(x: jax.Array, name: str, stream: int, context: Context) -> jax.Array:
    """Inverted dropout (Srivastava et al. 2014): survivors are scaled by 1 / (1 - rate).

    Parameters
    ----------
    x : array, shape (batch, unit)
    name : str
        Which number is the rate.
    stream : int
        Which random numbers to use, one per layer.
    context : Context
    """
    rate = context.numbers[name]
    return jnp.where(_keep(x, rate, stream, context), x * (1 / (1 - rate)), 0)


def alpha_dropout(x: jax.Array, stream: int, context: Context) -> jax.Array:
    """Keras's AlphaDropout: dropped units take SELU's lower limit; mean and variance are kept."""
    rate = context.numbers["alpha_dropout"]
    scale = jax.lax.rsqrt((1 - rate) * (1 + rate * _SELU_LIMIT**2))
    shift = -scale * _SELU_LIMIT * rate
    return scale * jnp.where(_keep(x, rate, stream, context), x, _SELU_LIMIT) + shift


def gaussian_noise(x: jax.Array, context: Context) -> jax.Array:
    """Add normal noise of deviation `gaussian_noise` (Bishop 1995)."""
    assert context.seed is not None
    assert context.step is not None
    noise = normals(context.seed, context.step, GAUSSIAN_NOISE, *x.shape)
    return x + context.numbers["gaussian_noise"] * noise.astype(x.dtype)

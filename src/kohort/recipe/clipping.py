"""Gradient clipping as Keras computes it, with limits that are arrays.

Each function takes the gradients of one member, a list with an array per variable, and a scalar
limit > 0 in the units of the gradient. A limit of infinity returns the gradients bit for bit, so
that members with and without clipping share a program. A gradient that is not finite never
becomes a plausible number: NaN stays NaN, and a norm that is not finite gives Keras's result.

References: `keras.optimizers.Optimizer` (`clipvalue`, `clipnorm`, `global_clipnorm`); Pascanu,
Mikolov and Bengio 2013 (arXiv:1211.5063).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from kohort.deferred import jax, jnp

Gradients: TypeAlias = "Sequence[jax.Array]"


def clip_by_value(grads: Gradients, limit: jax.Array) -> list[jax.Array]:
    """Limit each entry to [-limit, limit].

    Parameters
    ----------
    grads : list of array
    limit : scalar array, > 0
        Keras's `clipvalue`; infinity changes nothing.

    Returns
    -------
    list of array

    Examples
    --------
    >>> [gradient] = clip_by_value([jnp.array([-3.0, 0.5])], jnp.float32(1.0))
    >>> gradient.tolist()
    [-1.0, 0.5]
    """
    return [jnp.clip(grad, -limit, limit) for grad in grads]


def clip_by_norm(grads: Gradients, limit: jax.Array) -> list[jax.Array]:
    """Shorten each variable's gradient to a Euclidean norm of at most the limit.

    g * limit / max(||g||, limit), for each variable by itself. As in Keras, a finite gradient
    whose squares overflow has an infinite norm, and becomes 0.

    Parameters
    ----------
    grads : list of array
    limit : scalar array, > 0
        Keras's `clipnorm`; infinity changes nothing.

    Returns
    -------
    list of array

    Examples
    --------
    >>> [kernel, bias] = clip_by_norm([jnp.array([3.0, 4.0]), jnp.array([0.5])], jnp.float32(1.0))
    >>> [round(value, 6) for value in kernel.tolist()], bias.tolist()
    ([0.6, 0.8], [0.5])
    """
    return [grad * _factor(jnp.sqrt(_squared_norm(grad)), limit) for grad in grads]


def clip_by_global_norm(grads: Gradients, limit: jax.Array) -> list[jax.Array]:
    """Shorten all gradients by one factor, so that their joint Euclidean norm obeys the limit.

    g * limit / max(||all g||, limit). As in Keras, a joint norm that is not finite makes every
    gradient NaN.

    Parameters
    ----------
    grads : list of array
    limit : scalar array, > 0
        Keras's `global_clipnorm`; infinity changes nothing.

    Returns
    -------
    list of array

    Examples
    --------
    >>> [kernel, bias] = clip_by_global_norm([jnp.array([3.0]), jnp.array([4.0])], jnp.float32(1.0))
    >>> round(float(kernel[0]), 6), round(float(bias[0]), 6)
    (0.6, 0.8)
    """
    norm = jnp.sqrt(sum((_squared_norm(grad) for grad in grads), start=jnp.zeros_like(limit)))
    broken = ~jnp.isfinite(norm) & jnp.isfinite(limit)
    factor = jnp.where(broken, jnp.nan, _factor(norm, limit))
    return [grad * factor for grad in grads]


CLIPPINGS: dict[str, Callable[[Gradients, jax.Array], list[jax.Array]]] = {
    "clipnorm": clip_by_norm,
    "global_clipnorm": clip_by_global_norm,
    "clipvalue": clip_by_value,
}
"""Clipping of each name, in the order in which Keras looks for them."""


def clipped(
    grads: Gradients, numbers: Mapping[str, jax.Array], uses: frozenset[str]
) -> list[jax.Array]:
    """The gradients after every clipping that the program contains.

    Parameters
    ----------
    grads : list of array
    numbers : mapping
        A member's limits by name; of one member at most one limit is finite, as in Keras.
    uses : frozenset of str
        Names in `CLIPPINGS` count, others do not.
    """
    for name, clip in CLIPPINGS.items():
        if name in uses:
            grads = clip(grads, numbers[name])
    return list(grads)


def _squared_norm(grad: jax.Array) -> jax.Array:
    return jnp.sum(jnp.square(grad))


def _factor(norm: jax.Array, limit: jax.Array) -> jax.Array:
    """The ratio limit / max(norm, limit): exactly 1 up to the limit, infinity included."""
    return jnp.where(jnp.isinf(limit), 1, limit / jnp.maximum(norm, limit))

"""Penalties on kernels and limits of their norm, with factors that are arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from kohort.deferred import jax, jnp
from kohort.recipe.losses import absolute

Numbers: TypeAlias = "Mapping[str, jax.Array]"


def penalty(
    kernels: Sequence[jax.Array], numbers: Numbers, uses: frozenset[str]
) -> jax.Array | float:
    """Keras's L1L2 over all kernels: `l1 * sum(abs(w)) + l2 * sum(w**2)`.

    Parameters
    ----------
    kernels : sequence of arrays
    numbers : mapping
        `l1` and `l2`.
    uses : frozenset of str
        The terms that the program contains.
    """
    total: jax.Array | float = 0.0
    for name, measure in (("l1", absolute), ("l2", jnp.square)):
        if name in uses:
            size = sum(jnp.sum(measure(kernel)) for kernel in kernels)
            # A member that does not use the penalty must not see the sum overflow.
            total = total + jnp.where(numbers[name] > 0, numbers[name] * size, 0)
    return total


def max_norm(kernel: jax.Array, limit: jax.Array) -> jax.Array:
    """Keras's `MaxNorm(axis=0)`: scale each unit's incoming weights down to an L2 norm of `limit`.

    Parameters
    ----------
    kernel : array, shape (inputs, units)
    limit : scalar
        Infinite for no limit, which leaves the kernel as it is.
    """
    norm = jnp.sqrt(jnp.sum(jnp.square(kernel), axis=0, keepdims=True))
    scale = jnp.clip(norm, 0, limit) / (1e-7 + norm)
    return jnp.where(jnp.isfinite(limit), kernel * scale, kernel)

"""Random bits inside the training program, cheap on a CPU and the same in every slot.

`jax.random`'s threefry costs more than a small layer's arithmetic, and its faster generators give
a member other numbers when it trains beside others. Here each bit pattern is an integer hash of the
member's seed, its own step, the layer, the row and the unit, so it depends on nothing else: not on
the slot, the number of slots, or the padded width.

The mixing function is the 32-bit finaliser of MurmurHash3 (Appleby 2011), applied three times.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def mix(bits: jax.Array) -> jax.Array:
    """Scramble uint32 values so that each input bit changes half of the output bits."""
    bits = bits ^ (bits >> 16)
    bits = bits * jnp.uint32(0x85EBCA6B)
    bits = bits ^ (bits >> 13)
    bits = bits * jnp.uint32(0xC2B2AE35)
    return bits ^ (bits >> 16)


def bits_of(seed: jax.Array, step: jax.Array, layer: int, rows: int, units: int) -> jax.Array:
    """Random bits for one layer at one step.

    Parameters
    ----------
    seed : uint32 scalar
        The member's seed.
    step : int32 scalar
        The member's own step number.
    layer : int
        Which layer draws.
    rows, units : int
        Size of the block.

    Returns
    -------
    uint32, shape (rows, units)
        Entry (i, j) depends on the seed, step, layer, i and j alone.
    """
    start = mix(seed ^ jnp.uint32(0x9E3779B9 * (layer + 1) & 0xFFFFFFFF))
    start = mix(start + step.astype(jnp.uint32) * jnp.uint32(0x9E3779B1))
    row = mix(start ^ (jnp.arange(rows, dtype=jnp.uint32) * jnp.uint32(0x85EBCA77)))
    column = jnp.arange(units, dtype=jnp.uint32) * jnp.uint32(0xC2B2AE3D)
    return mix(row[:, None] + column[None, :])


def keep_mask(bits: jax.Array, rate: jax.Array) -> jax.Array:
    """True where a unit survives dropout of the given rate; resolution 2**-24."""
    fraction = (bits >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)
    return fraction >= rate.astype(jnp.float32)

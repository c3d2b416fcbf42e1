"""Random bits inside the training program, cheap on a CPU and the same in every slot.

`jax.random`'s threefry costs more than a small layer's arithmetic, and its faster generators give
a member other numbers when it trains beside others. Here each bit pattern is an integer hash of the
member's seed, its own step, the layer, the row and the unit, so it depends on nothing else: not on
the slot, the number of slots, or the padded width.

The mixing function is the 32-bit finaliser of MurmurHash3 (Appleby 2011), applied three times.
"""

from __future__ import annotations

from kohort.deferred import jax, jnp


def mix(bits: jax.Array) -> jax.Array:
    """Scramble uint32 values so that each input bit changes half of the output bits."""
    bits = bits ^ (bits >> 16)
    bits = bits * jnp.uint32(0x85EBCA6B)
    bits = bits ^ (bits >> 13)
    bits = bits * jnp.uint32(0xC2B2AE35)
    return bits ^ (bits >> 16)


def bits_of(seed: jax.Array, step: jax.Array, stream: int, rows: int, units: int) -> jax.Array:
    """Random bits for one layer at one step.

    Parameters
    ----------
    seed : uint32 scalar
        The member's seed.
    step : int32 scalar
        The member's own step number.
    stream : int
        Which layer draws.
    rows, units : int
        Size of the block.

    Returns
    -------
    uint32, shape (rows, units)
        Entry (i, j) depends on the seed, step, stream, i and j alone.
    """
    start = mix(seed ^ jnp.uint32(0x9E3779B9 * (stream + 1) & 0xFFFFFFFF))
    start = mix(start + step.astype(jnp.uint32) * jnp.uint32(0x9E3779B1))
    row = mix(start ^ (jnp.arange(rows, dtype=jnp.uint32) * jnp.uint32(0x85EBCA77)))
    column = jnp.arange(units, dtype=jnp.uint32) * jnp.uint32(0xC2B2AE3D)
    return mix(row[:, None] + column[None, :])


def survivors(
    rate: jax.Array, seed: jax.Array, step: jax.Array, stream: int, rows: int, units: int
) -> jax.Array:
    """True where a unit survives dropout of the given rate, shape (rows, units).

    Each pattern of 32 bits decides for two rows, so the resolution of the rate is 2**-16.
    """
    half = (rows + 1) // 2
    bits = bits_of(seed, step, stream, half, units)
    limit = jnp.round(rate * 65536).astype(jnp.uint32)
    kept = jnp.concatenate([bits & jnp.uint32(0xFFFF), bits >> 16]) >= limit
    return kept[:rows]


def normals(seed: jax.Array, step: jax.Array, stream: int, rows: int, units: int) -> jax.Array:
    """Standard normal numbers, float32, shape (rows, units)."""
    return normal_of(bits_of(seed, step, stream, rows, units))


def normal_of(bits: jax.Array) -> jax.Array:
    """Standard normal numbers from 32 random bits each, by inversion of the upper 23.

    With one bit more the largest uniform number would round to 1, whose normal is infinite.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> normal_of(jnp.array([0, 2**31, 2**32 - 1], jnp.uint32)).round(2)
    Array([-5.29,  0.  ,  5.29], dtype=float32)
    """
    uniform = (bits >> 9).astype(jnp.float32) * jnp.float32(2.0**-23) + jnp.float32(2.0**-24)
    return jnp.float32(2.0**0.5) * jax.scipy.special.erfinv(2 * uniform - 1)

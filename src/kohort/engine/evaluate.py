"""The compiled programs outside training: validation of chosen slots, prediction of one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.engine.structure import Structure
from kohort.engine.train import named
from kohort.networks.network import Context, Network
from kohort.networks.randomness import mix
from kohort.recipe.losses import CLASSIFICATION, LINKS, loss_of
from kohort.recipe.regularizers import penalty

BLOCK = 256
"""Rows that pass through a network at once: more overflows a core's cache."""


def bucket(rows: int) -> int:
    """Compiled number of rows for a table of `rows`: the next power of two, at least 64.

    Examples
    --------
    >>> [bucket(rows) for rows in (1, 64, 65, 3870)]
    [64, 64, 128, 4096]
    """
    return max(64, 1 << (rows - 1).bit_length())


_ZERO = np.int32(0)


def _blocks(rows: jax.Array, block: int) -> jax.Array:
    """How many blocks hold so many rows."""
    return (rows + block - 1) // block


def _hits(structure: Structure, y: jax.Array, output: jax.Array) -> jax.Array:
    """1 for each row that is classified correctly; zeros for a regression."""
    if structure.loss not in CLASSIFICATION:
        return jnp.zeros(output.shape[:1], output.dtype)
    if LINKS[structure.loss] == "sigmoid":
        right = jnp.all((output > 0) == (y > 0.5), axis=-1)
    else:
        right = jax.lax.argmax(output, 1, jnp.int32) == y[:, 0].astype(jnp.int32)
    return right.astype(output.dtype)


def evaluation_function(structure: Structure, rows: int) -> Callable[..., tuple[Any, Any]]:
    """`(params, slots, count, table, real, numbers, units) -> (losses, hits)`, each (slot,).

    The first `count` entries of `slots` are evaluated on the first `real` of the table's `rows`
    rows. Losses are weighted means over those rows plus the penalty, as Keras's `evaluate` gives.
    """
    network, loss = structure.network, loss_of(structure.loss, structure.uses)
    layout = network.layout
    block = min(BLOCK, rows)

    def evaluate(
        params: Any, slots: Any, count: Any, table: Any, real: Any, numbers: Any, units: Any
    ) -> tuple[Any, Any]:
        def one(index: Any, totals: tuple[Any, Any]) -> tuple[Any, Any]:
            slot = slots[index]
            variables = layout.unpack(params[slot])
            mine = named(numbers[slot])

            def blockwise(number: Any, sums: tuple[Any, Any]) -> tuple[Any, Any]:
                start = number * block
                x, y, weight = (jax.lax.dynamic_slice_in_dim(a, start, block) for a in table)
                output, _ = network.apply(variables, x, Context(units[slot], mine))
                exists = start + jnp.arange(block, dtype=jnp.int32) < real
                losses = jnp.where(exists, weight * loss(y, output, mine), 0)
                hits = jnp.where(exists, _hits(structure, y, output), 0)
                return sums[0] + jnp.sum(losses), sums[1] + jnp.sum(hits)

            zero = jnp.zeros((), params.dtype)
            sums = jax.lax.fori_loop(_ZERO, _blocks(real, block), blockwise, (zero, zero))
            rows_in_all = real.astype(params.dtype)
            kernels = network.kernels(variables)
            mean = sums[0] / rows_in_all + penalty(kernels, mine, structure.uses)
            return totals[0].at[slot].set(mean), totals[1].at[slot].set(sums[1] / rows_in_all)

        zeros = jnp.zeros(params.shape[:1], params.dtype)
        return jax.lax.fori_loop(_ZERO, count, one, (zeros, zeros))

    return evaluate


def prediction_function(network: Network, rows: int) -> Callable[..., Any]:
    """`(params, x, real, numbers, units) -> output` (row, output), for one packed network."""
    block = min(BLOCK, rows)

    def predict(params: Any, x: Any, real: Any, numbers: Any, units: Any) -> Any:
        variables = network.layout.unpack(params)
        mine = named(numbers)

        def blockwise(number: Any, outputs: Any) -> Any:
            start = number * block
            part = jax.lax.dynamic_slice_in_dim(x, start, block)
            output, _ = network.apply(variables, part, Context(units, mine))
            return jax.lax.dynamic_update_slice_in_dim(outputs, output, start, 0)

        outputs = jnp.zeros((rows, network.outputs), params.dtype)
        return jax.lax.fori_loop(_ZERO, _blocks(real, block), blockwise, outputs)

    return predict


def sampling_function(
    network: Network, uses: frozenset[str], rows: int, samples: int
) -> Callable[..., Any]:
    """`(params, x, real, numbers, units, seed, position) -> output` (sample, row, output).

    Each block of rows and each sample draws its own noise; `position` counts the blocks before
    the first.
    """
    block = min(BLOCK, rows)

    def sample(
        params: Any, x: Any, real: Any, numbers: Any, units: Any, seed: Any, position: Any
    ) -> Any:
        variables = network.layout.unpack(params)
        mine = named(numbers)

        def one(number: Any, outputs: Any) -> Any:
            index, start = number % samples, number // samples * block
            part = jax.lax.dynamic_slice_in_dim(x, start, block)
            noise = mix(seed + (position + number // samples).astype(jnp.uint32))
            context = Context(units, mine, uses, noise, index)
            output, _ = network.apply(variables, part, context)
            return jax.lax.dynamic_update_slice(outputs, output[None], (index, start, _ZERO))

        outputs = jnp.zeros((samples, rows, network.outputs), params.dtype)
        return jax.lax.fori_loop(_ZERO, _blocks(real, block) * samples, one, outputs)

    return sample

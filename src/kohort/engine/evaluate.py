"""The compiled programs outside training: validation of chosen slots, prediction of one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kohort.arrays import Array, Tree
from kohort.deferred import jax, jnp
from kohort.engine.structure import Structure
from kohort.networks.base import BLOCK, Predictor, Sampler

_ZERO = np.int32(0)


def _blocks(rows: jax.Array, block: int) -> jax.Array:
    """Number of blocks that hold the given number of rows."""
    return (rows + block - 1) // block


def log_names(structure: Structure) -> tuple[str, ...]:
    """Return Keras's names of the values that an evaluation gives."""
    return tuple(f"val_{name}" for name in structure.network.logs)


def evaluation_function(structure: Structure, rows: int) -> Callable[..., Any]:
    """`(params, slots, count, table, real, numbers, units) -> logs` (slot, log).

    The first `count` entries of `slots` are evaluated on the first `real` of the table's `rows`
    rows. Logs are those of `log_names`: losses are weighted means over those rows plus the
    penalty, as Keras's `evaluate` gives.
    """
    network = structure.network
    layout, block = network.layout, min(network.judged_rows, rows)

    def evaluate(
        params: jax.Array,
        slots: jax.Array,
        count: jax.Array,
        table: Tree,
        real: jax.Array,
        numbers: jax.Array,
        units: jax.Array,
    ) -> Any:
        def one(index: jax.Array, logs: jax.Array) -> Any:
            slot = slots[index]
            variables = layout.unpack(params[slot])

            def blockwise(number: jax.Array, carry: Tree) -> Any:
                start = number * block
                parts = [jax.lax.dynamic_slice_in_dim(a, start, block) for a in table]
                exists = start + jnp.arange(block, dtype=jnp.int32) < real
                x, y, weight = parts
                batch = (x.astype(params.dtype), y, weight, exists)
                return network.judge(carry, variables, batch, numbers[slot], units[slot])

            carry = network.judging(variables, numbers[slot])
            carry = jax.lax.fori_loop(_ZERO, _blocks(real, block), blockwise, carry)
            result = network.verdict(carry, variables, numbers[slot], real.astype(params.dtype))
            return logs.at[slot].set(result)

        zeros = jnp.zeros((len(params), len(network.logs)), params.dtype)
        return jax.lax.fori_loop(_ZERO, count, one, zeros)

    return evaluate


def loss_function(structure: Structure) -> Callable[..., Any]:
    """`(variables, batch, rows, numbers, units) -> loss`, as an evaluation computes it.

    `batch` is `(x, y, weight, exists)`; the loss is the mean over its `rows` rows that exist, plus
    the penalty.
    """
    network = structure.network

    def loss(
        variables: Tree,
        batch: tuple[Any, ...],
        rows: jax.Array,
        numbers: jax.Array,
        units: jax.Array,
    ) -> Any:
        start = network.judging(variables, numbers)
        carry = network.judge(start, variables, batch, numbers, units)
        return network.verdict(carry, variables, numbers, rows)[0]

    return loss


def gradient_function(structure: Structure, size: int) -> Callable[..., Any]:
    """`(params, x, y, weight, count, numbers, units) -> (small, big)` over `count` batches.

    `x` (batch, row, feature), `y` (batch, row, target), `weight` (batch, row) hold batches whose
    first `size` rows are real.
    """
    layout, loss = structure.network.layout, loss_function(structure)
    trainable = structure.network.trainable

    def norms(
        params: jax.Array,
        x: jax.Array,
        y: Array,
        weight: jax.Array,
        count: jax.Array,
        numbers: jax.Array,
        units: jax.Array,
    ) -> tuple[Any, Any]:
        variables = layout.unpack(params)
        fixed, exists = variables[trainable:], jnp.arange(x.shape[1]) < size

        def objective(trained: Tree, index: jax.Array) -> Any:
            batch = (x[index].astype(params.dtype), y[index], weight[index], exists)
            return loss([*trained, *fixed], batch, np.int32(size), numbers, units)

        def one(index: jax.Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            total, squares = carry
            grads = jax.grad(objective)(variables[:trainable], index)
            squares += sum(jnp.sum(jnp.square(grad)) for grad in grads)
            return [a + b for a, b in zip(total, grads, strict=True)], squares

        zeros = [jnp.zeros_like(variable) for variable in variables[:trainable]]
        start = (zeros, jnp.zeros((), params.dtype))
        total, squares = jax.lax.fori_loop(np.int32(0), count, one, start)
        number = count.astype(params.dtype)
        big = sum(jnp.sum(jnp.square(part / number)) for part in total)
        return squares / number, big

    return norms


def prediction_function(network: Predictor, rows: int) -> Callable[..., Any]:
    """`(params, x, real, numbers, units) -> output` (row, output), for one packed member of a
    network, so that any number of them shares the program; see `Compiler.predict`.
    """
    block = min(BLOCK, rows)

    def predict(
        params: jax.Array, x: jax.Array, real: jax.Array, numbers: jax.Array, units: jax.Array
    ) -> Any:
        variables = network.layout.unpack(params)

        def blockwise(number: jax.Array, outputs: jax.Array) -> Any:
            start = number * block
            part = jax.lax.dynamic_slice_in_dim(x, start, block).astype(params.dtype)
            output = network.predict(variables, part, numbers, units)
            return jax.lax.dynamic_update_slice_in_dim(outputs, output, start, 0)

        outputs = jnp.zeros((rows, network.outputs), params.dtype)
        return jax.lax.fori_loop(_ZERO, _blocks(real, block), blockwise, outputs)

    return predict


def sampling_function(network: Sampler, rows: int, samples: int) -> Callable[..., Any]:
    """`(params, x, real, numbers, units, seed, position) -> output` (sample, row, output).

    Each block of rows and each sample draws its own noise; `position` counts the blocks before
    the first.
    """
    block = min(BLOCK, rows)

    def sample(
        params: jax.Array,
        x: jax.Array,
        real: jax.Array,
        numbers: jax.Array,
        units: jax.Array,
        seed: jax.Array,
        position: jax.Array,
    ) -> Any:
        variables = network.layout.unpack(params)

        def one(number: jax.Array, outputs: jax.Array) -> Any:
            index, start = number % samples, number // samples * block
            part = jax.lax.dynamic_slice_in_dim(x, start, block)
            place = position + number // samples
            output = network.sample(variables, part, numbers, units, seed, place, index)
            return jax.lax.dynamic_update_slice(outputs, output[None], (index, start, _ZERO))

        outputs = jnp.zeros((samples, rows, network.outputs), params.dtype)
        return jax.lax.fori_loop(_ZERO, _blocks(real, block) * samples, one, outputs)

    return sample

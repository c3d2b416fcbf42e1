"""The compiled programs outside training: validation of chosen slots, prediction of one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.engine.structure import Structure
from kohort.networks.base import BLOCK, Context, Network, RawNetwork, named
from kohort.networks.lifted.traced import TracedModel
from kohort.networks.randomness import mix
from kohort.recipe.losses import CLASSIFICATION, LINKS, loss_of
from kohort.recipe.regularizers import penalty


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


def padded_rows(network: Network, rows: int) -> int:
    """Compiled number of rows for a table that a network judges or predicts."""
    if not isinstance(network, TracedModel):
        return bucket(rows)
    block = network.judged_rows
    return block << (-(-rows // block) - 1).bit_length()


def judged_rows(network: Network) -> int:
    """Rows that a network judges at once."""
    return network.judged_rows if isinstance(network, TracedModel) else BLOCK


def log_names(structure: Structure) -> tuple[str, ...]:
    """What an evaluation gives, as Keras names it."""
    if isinstance(structure.network, TracedModel):
        return ("val_loss", *(f"val_{name}" for name in structure.network.metrics))
    classifies = structure.loss in CLASSIFICATION
    return ("val_loss", "val_accuracy") if classifies else ("val_loss",)


class _DenseJudge:
    """Sums of losses and hits."""

    def __init__(self, structure: Structure) -> None:
        self._structure = structure
        self._network: Any = structure.network
        self._loss = loss_of(structure.loss, structure.uses)

    def start(self, variables: Any, numbers: Any) -> Any:
        return jnp.zeros(2, variables[0].dtype)

    def see(
        self, sums: Any, variables: Any, batch: tuple[Any, ...], numbers: Any, units: Any
    ) -> Any:
        x, y, weight, exists = batch
        mine = named(numbers)
        output, _ = self._network.apply(variables, x, Context(units, mine))
        losses = jnp.where(exists, weight * self._loss(y, output, mine), 0)
        hits = jnp.where(exists, _hits(self._structure, y, output), 0)
        return sums + jnp.stack([jnp.sum(losses), jnp.sum(hits)])

    def end(self, sums: Any, variables: Any, numbers: Any, rows: Any) -> Any:
        kernels = self._network.kernels(variables)
        extra = penalty(kernels, named(numbers), self._structure.uses)
        means = sums / rows + jnp.stack([extra, jnp.zeros_like(extra)])
        return means[: len(log_names(self._structure))]


class _TracedJudge:
    """Variables whose metrics have seen the rows so far, and the sum of losses."""

    def __init__(self, structure: Structure) -> None:
        self._network: Any = structure.network

    def start(self, variables: Any, numbers: Any) -> Any:
        return self._network.fresh(variables, numbers), jnp.zeros((), variables[0].dtype)

    def see(
        self, carry: Any, variables: Any, batch: tuple[Any, ...], numbers: Any, units: Any
    ) -> Any:
        seen, total = carry
        seen, loss = self._network.judge(seen, batch, numbers, units)
        return seen, total + loss * jnp.sum(batch[3].astype(total.dtype))

    def end(self, carry: Any, variables: Any, numbers: Any, rows: Any) -> Any:
        seen, total = carry
        return jnp.concatenate([(total / rows)[None], self._network.results(seen, numbers)])


def evaluation_function(structure: Structure, rows: int) -> Callable[..., Any]:
    """`(params, slots, count, table, real, numbers, units) -> logs` (slot, log).

    The first `count` entries of `slots` are evaluated on the first `real` of the table's `rows`
    rows. Logs are those of `log_names`: losses are weighted means over those rows plus the
    penalty, as Keras's `evaluate` gives.
    """
    judge = _judge(structure)
    layout = structure.network.layout
    block = min(judged_rows(structure.network), rows)

    def evaluate(
        params: Any, slots: Any, count: Any, table: Any, real: Any, numbers: Any, units: Any
    ) -> Any:
        def one(index: Any, logs: Any) -> Any:
            slot = slots[index]
            variables = layout.unpack(params[slot])

            def blockwise(number: Any, carry: Any) -> Any:
                start = number * block
                parts = [jax.lax.dynamic_slice_in_dim(a, start, block) for a in table]
                exists = start + jnp.arange(block, dtype=jnp.int32) < real
                batch = (parts[0].astype(params.dtype), *parts[1:], exists)
                return judge.see(carry, variables, batch, numbers[slot], units[slot])

            carry = judge.start(variables, numbers[slot])
            carry = jax.lax.fori_loop(_ZERO, _blocks(real, block), blockwise, carry)
            result = judge.end(carry, variables, numbers[slot], real.astype(params.dtype))
            return logs.at[slot].set(result)

        zeros = jnp.zeros((len(params), len(log_names(structure))), params.dtype)
        return jax.lax.fori_loop(_ZERO, count, one, zeros)

    return evaluate


def loss_function(structure: Structure) -> Callable[..., Any]:
    """`(variables, batch, rows, numbers, units) -> loss`, as an evaluation computes it.

    `batch` is `(x, y, weight, exists)`; the loss is the mean over its `rows` rows that exist, plus
    the penalty.
    """
    judge = _judge(structure)

    def loss(variables: Any, batch: tuple[Any, ...], rows: Any, numbers: Any, units: Any) -> Any:
        carry = judge.see(judge.start(variables, numbers), variables, batch, numbers, units)
        return judge.end(carry, variables, numbers, rows)[0]

    return loss


def _judge(structure: Structure) -> _DenseJudge | _TracedJudge:
    traced = isinstance(structure.network, TracedModel)
    return _TracedJudge(structure) if traced else _DenseJudge(structure)


def prediction_function(network: Network, rows: int) -> Callable[..., Any]:
    """`(params, x, real, numbers, units) -> output` (row, output), for one packed network."""
    block = min(BLOCK, rows)

    def predict(params: Any, x: Any, real: Any, numbers: Any, units: Any) -> Any:
        variables = network.layout.unpack(params)

        def blockwise(number: Any, outputs: Any) -> Any:
            start = number * block
            part = jax.lax.dynamic_slice_in_dim(x, start, block).astype(params.dtype)
            output = network.predict(variables, part, numbers, units)
            return jax.lax.dynamic_update_slice_in_dim(outputs, output, start, 0)

        outputs = jnp.zeros((rows, network.outputs), params.dtype)
        return jax.lax.fori_loop(_ZERO, _blocks(real, block), blockwise, outputs)

    return predict


def sampling_function(
    network: RawNetwork, uses: frozenset[str], rows: int, samples: int
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

"""The compiled programs: train a chunk of steps, evaluate, predict.

Axes: `slot` (which member), `step`, `batch` (row in a batch), `row`, `feature`, `target`.
State crosses a program's border as matrices with a slot axis, `params` (slot, size) and
`state` (slot, size), and is unpacked into variables once per chunk, not once per step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kohort.deferred import jax, jnp
from kohort.engine.plan import chunk_steps
from kohort.engine.structure import Structure
from kohort.networks.base import Tree
from kohort.recipe.pace import PACE


class Chunk(NamedTuple):
    """Inputs of one call of the training program.

    Shapes: `x` (slot, step, batch, feature), `y` (slot, step, batch, target), `weight`
    (slot, step, batch), `rows` (slot, step) real rows of each batch, `pace` (slot, step, number)
    what changes from step to step, in the order of `PACE`, `numbers` (slot, number), `units`
    (slot, layer), `seed` (slot,), `first` (slot,) step number at which the chunk starts, `steps`
    () how many steps to run. A row's weight is already divided by the number of real rows in its
    batch, and is 0 for padding.
    """

    x: Any
    y: Any
    weight: Any
    rows: Any
    pace: Any
    numbers: Any
    units: Any
    seed: Any
    first: Any
    steps: Any


def training_function(structure: Structure) -> Callable[..., tuple[Any, Any, Any, Any]]:
    """`(params, state, chunk) -> (params, state, losses, results)`.

    `losses` is (slot, step); `results` (slot, metric) is what the metrics have come to at the end.
    """
    network = structure.network
    layout = network.layout
    step, dtype = jax.vmap(network.step), np.dtype(structure.dtype)
    packing = StatePacking(structure)

    def advance(params: jax.Array, state: Tree, chunk: Chunk) -> tuple[Any, Any, Any, Any]:
        def body(index: jax.Array, carry: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            variables, state, losses = carry
            at = [jax.lax.dynamic_index_in_dim(a, index, 1, keepdims=False) for a in chunk[:5]]
            x = at[0].astype(dtype)
            variables, state, value = step(
                variables,
                state,
                (x, *at[1:4]),
                {name: at[4][:, column] for column, name in enumerate(PACE)},
                chunk.numbers,
                chunk.units,
                chunk.seed,
                chunk.first + index,
            )
            losses = jax.lax.dynamic_update_index_in_dim(losses, value, index, 1)
            return variables, state, losses

        losses = jnp.zeros(chunk.pace.shape[:2], chunk.pace.dtype)
        carry = (layout.unpack(params), packing.unpack(state), losses)
        variables, last, losses = jax.lax.fori_loop(np.int32(0), chunk.steps, body, carry)
        results = jnp.zeros((len(losses), 0), losses.dtype)
        if network.metrics:
            results = jax.vmap(network.results)(variables, chunk.numbers)
        return layout.pack(variables, lead=1), packing.pack(last), losses, results

    return advance


def empty_chunk(
    structure: Structure,
    slots: int,
    make: Callable[..., Any] = np.zeros,
    steps: int | None = None,
) -> Chunk:
    """A chunk of zeros, or what `make(shape, dtype)` gives in place of each array.

    It has `steps` steps; None for the most that one call takes.
    """
    network, batch = structure.network, structure.batch_size
    steps = chunk_steps(structure) if steps is None else steps
    dtype = np.dtype(structure.dtype)
    return Chunk(
        x=make((slots, steps, batch, network.features), np.dtype(structure.input_dtype)),
        y=make((slots, steps, batch, structure.targets), dtype),
        weight=make((slots, steps, batch), dtype),
        rows=make((slots, steps), np.int32),
        pace=make((slots, steps, len(PACE)), dtype),
        numbers=make((slots, network.columns), dtype),
        units=make((slots, network.hidden), np.int32),
        seed=make((slots,), np.uint32),
        first=make((slots,), np.int32),
        steps=make((), np.int32),
    )


def empty_rows(
    structure: Structure, slots: int, size: int, make: Callable[..., Any] = np.zeros
) -> tuple[Any, Any]:
    """The matrices `params` and `state` of free slots, with the given lengths of rows."""
    dtype = np.dtype(structure.dtype)
    params = make((slots, structure.network.layout.size), dtype)
    return params, make((slots if size else 0, size), dtype)


class StatePacking:
    """A member's `State` as one row per slot; integers travel as floats.

    Attributes
    ----------
    size : int
        Length of a row.
    averaged : int
        How many of its last entries are averaged weights.
    initial : array, shape (size,)
        The row that every member starts with.
    """

    def __init__(self, structure: Structure) -> None:
        dtype = np.dtype(structure.dtype)
        network = structure.network
        shapes = network.layout.shapes
        state = network.initial_state([jnp.zeros(shape, dtype) for shape in shapes])
        leaves, self._tree = jax.tree.flatten(state)
        self._leaves = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
        self._dtype = dtype
        flat = [np.asarray(leaf, dtype).reshape(-1) for leaf in leaves]
        self.initial = np.concatenate([np.zeros(0, dtype), *flat])
        self.size = len(self.initial)
        self.averaged = sum(leaf.size for leaf in jax.tree.leaves(state.average))

    def unpack(self, matrix: jax.Array) -> Tree:
        """(slot, size) -> the state with a leading slot axis."""
        leaves, start = [], 0
        for leaf in self._leaves:
            part = matrix[:, start : start + leaf.size]
            leaves.append(part.reshape(matrix.shape[0], *leaf.shape).astype(leaf.dtype))
            start += leaf.size
        return jax.tree.unflatten(self._tree, leaves)

    def pack(self, state: Tree) -> jax.Array:
        """Inverse of `unpack`."""
        flat = [
            leaf.reshape(leaf.shape[0], -1).astype(self._dtype) for leaf in jax.tree.leaves(state)
        ]
        if not flat:
            return jnp.zeros((0, 0), self._dtype)
        return jnp.concatenate(flat, axis=1)

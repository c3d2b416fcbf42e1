"""The compiled programs: train a chunk of steps, evaluate, predict.

Axes: `slot` (which member), `step`, `batch` (row in a batch), `row`, `feature`, `target`.
State crosses a program's border as matrices with a slot axis, `params` (slot, size) and
`optimizer` (slot, size), and is unpacked into variables once per chunk, not once per step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from kohort.engine.structure import Structure
from kohort.networks.network import Context
from kohort.recipe.losses import LOSSES
from kohort.recipe.optimizers import transformation
from kohort.recipe.recipe import NUMBERS

Tree = Any


class Chunk(NamedTuple):
    """Inputs of one call of the training program.

    Shapes: `x` (slot, step, batch, feature), `y` (slot, step, batch, target), `weight`
    (slot, step, batch), `rate` (slot, step), `numbers` (slot, number), `units` (slot, layer),
    `seed` (slot,), `first` (slot,) step number at which the chunk starts, `steps` () how many
    steps to run. A row's weight is already divided by the number of real rows in its batch, and
    is 0 for padding.
    """

    x: Any
    y: Any
    weight: Any
    rate: Any
    numbers: Any
    units: Any
    seed: Any
    first: Any
    steps: Any


def named(numbers: jax.Array) -> dict[str, jax.Array]:
    """A member's row of the number matrix as a dict of scalars."""
    return {name: numbers[column] for column, name in enumerate(NUMBERS)}


def optimizer_of(structure: Structure) -> optax.GradientTransformationExtraArgs:
    """The optimizer that a structure compiles in."""
    return transformation(structure.family, "weight_decay" in structure.uses)


def penalty(structure: Structure, variables: Tree, numbers: dict[str, jax.Array]) -> Any:
    """L2 penalty of one member's kernels, or 0 when the structure has none."""
    if "l2" not in structure.uses:
        return 0.0
    kernels = structure.network.kernels(variables)
    squares = sum(jnp.sum(jnp.square(kernel)) for kernel in kernels)
    # A member that does not use the penalty must not see its square overflow.
    return jnp.where(numbers["l2"] > 0, numbers["l2"] * squares, 0)


def member_step(structure: Structure) -> Callable[..., tuple[Tree, Tree, jax.Array]]:
    """One optimizer step of one member, as a pure function."""
    network, loss = structure.network, LOSSES[structure.loss]
    optimizer = optimizer_of(structure)

    def step(
        variables: Tree,
        state: Tree,
        batch: tuple[jax.Array, jax.Array, jax.Array],
        rate: jax.Array,
        number_row: jax.Array,
        units: jax.Array,
        seed: jax.Array,
        index: jax.Array,
    ) -> tuple[Tree, Tree, jax.Array]:
        x, y, weight = batch
        numbers = {**named(number_row), "learning_rate": rate}
        context = Context(units, numbers, seed, index, structure.uses, training=True)

        def objective(variables: Tree) -> jax.Array:
            output = network.apply(variables, x, context)
            rows = loss(y, output, numbers)
            return jnp.sum(weight * rows) + penalty(structure, variables, numbers)

        value, grads = jax.value_and_grad(objective)(variables)
        updates, state = optimizer.update(grads, state, variables, numbers=numbers)
        return optax.apply_updates(variables, updates), state, value

    return step


def training_function(structure: Structure) -> Callable[..., tuple[Any, Any, Any]]:
    """`(params, optimizer, chunk) -> (params, optimizer, loss)`; loss is (slot, step)."""
    layout = structure.network.layout
    step = jax.vmap(member_step(structure))
    packing = StatePacking(structure)

    def advance(params: Any, optimizer: Any, chunk: Chunk) -> tuple[Any, Any, Any]:
        def body(index: Any, carry: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            variables, state, losses = carry
            at = [jax.lax.dynamic_index_in_dim(a, index, 1, keepdims=False) for a in chunk[:4]]
            variables, state, value = step(
                variables,
                state,
                (at[0], at[1], at[2]),
                at[3],
                chunk.numbers,
                chunk.units,
                chunk.seed,
                chunk.first + index,
            )
            losses = jax.lax.dynamic_update_index_in_dim(losses, value, index, 1)
            return variables, state, losses

        carry = (layout.unpack(params), packing.unpack(optimizer), jnp.zeros_like(chunk.rate))
        variables, state, losses = jax.lax.fori_loop(np.int32(0), chunk.steps, body, carry)
        return layout.pack(variables, lead=1), packing.pack(state), losses

    return advance


class StatePacking:
    """An optimizer's state as one row per slot; integers travel as floats."""

    def __init__(self, structure: Structure) -> None:
        dtype = jnp.dtype(structure.dtype)
        variables = [jax.ShapeDtypeStruct(s, dtype) for s in structure.network.layout.shapes]
        shape = jax.eval_shape(optimizer_of(structure).init, variables)
        self._leaves, self._tree = jax.tree.flatten(shape)
        self._dtype = dtype
        self.size = sum(leaf.size for leaf in self._leaves)

    def unpack(self, matrix: jax.Array) -> Tree:
        """(slot, size) -> the optimizer's state with a leading slot axis."""
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


@lru_cache(maxsize=256)
def packing_of(structure: Structure) -> StatePacking:
    """The (cached) packing of a structure's optimizer state."""
    return StatePacking(structure)

"""Gradients of one network's loss over small batches, for studies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kohort.arrays import Floats
from kohort.engine.evaluate import loss_function
from kohort.engine.member import Member
from kohort.engine.plan import structure_of
from kohort.engine.programs import program
from kohort.engine.structure import Structure


class SquaredNorms(NamedTuple):
    """Squared norms of gradients.

    Attributes
    ----------
    small : float
        Mean over small batches.
    big : float
        Of the mean gradient over all of them.
    """

    small: float
    big: float


def gradient_function(structure: Structure, size: int) -> Callable[..., Any]:
    """`(params, x, y, weight, count, numbers, units) -> (small, big)` over `count` batches.

    `x` (batch, row, feature), `y` (batch, row, target), `weight` (batch, row) hold batches whose
    first `size` rows are real.
    """
    layout, loss = structure.network.layout, loss_function(structure)
    trainable = structure.network.trainable

    def norms(
        params: Any, x: Any, y: Any, weight: Any, count: Any, numbers: Any, units: Any
    ) -> tuple[Any, Any]:
        variables = layout.unpack(params)
        fixed, exists = variables[trainable:], jnp.arange(x.shape[1]) < size

        def objective(trained: Any, index: Any) -> Any:
            batch = (x[index].astype(params.dtype), y[index], weight[index], exists)
            return loss([*trained, *fixed], batch, np.int32(size), numbers, units)

        def one(index: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
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


def squared_norms(
    member: Member, weights: list[Floats], batches: list[np.ndarray[Any, Any]]
) -> SquaredNorms:
    """Squared norms of the gradients of a member's loss at given weights.

    Parameters
    ----------
    member : Member
    weights : list of arrays
        Variables at real width.
    batches : list of int arrays
        Row numbers of each small batch, all of one length of at most 256.

    Returns
    -------
    SquaredNorms
    """
    structure, rows = structure_of(member), member.rows
    size, dtype = len(batches[0]), rows.y.dtype
    params = np.zeros(structure.network.layout.size, dtype)
    structure.network.layout.embed(weights, params)
    order = np.stack([np.resize(batch, structure.network.judged_rows) for batch in batches])
    weight = np.ones(len(rows.x), dtype) if rows.weight is None else rows.weight
    numbers = np.asarray(member.numbers, dtype)
    units = np.asarray(member.units, np.int32)
    count = np.asarray(len(batches), np.int32)
    arguments = (params, rows.x[order], rows.y[order], weight[order], count, numbers, units)
    norms = program(
        (structure, "gradient", size, order.shape),
        "gradient",
        lambda: gradient_function(structure, size),
        arguments,
    )
    small, big = norms(*arguments)
    return SquaredNorms(float(small), float(big))

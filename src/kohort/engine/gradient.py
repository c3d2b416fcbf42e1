"""Gradients of one network's loss over small batches, for studies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kohort.arrays import Floats, Integers
from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.current import lent_compiler
from kohort.engine.member import Member
from kohort.engine.plan import structure_of


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


def squared_norms(
    member: Member,
    weights: list[Floats],
    batches: list[Integers],
    compiler: Compiler | None = None,
) -> SquaredNorms:
    """Squared norms of the gradients of a member's loss at given weights.

    Parameters
    ----------
    member : Member
    weights : list of arrays
        Variables at real width.
    batches : list of int arrays
        Row numbers of each small batch, all of one length of at most 256.
    compiler : Compiler or None, default=None
        None for the one that the session lends.

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
    compiler = compiler or lent_compiler()
    small, big = compiler.squared_norms(structure, size, *arguments)
    return SquaredNorms(small, big)

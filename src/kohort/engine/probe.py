"""A step of every slot seen from within, by a program beside the training program.

It takes the same variables, optimizer state, batch and noise as the step that comes next, and
changes none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort.arrays import Tree
from kohort.deferred import jax
from kohort.engine.structure import Structure
from kohort.engine.train import StatePacking
from kohort.networks.base import Reading
from kohort.recipe.pace import PACE


def probe_function(structure: Structure) -> Callable[..., Reading]:
    """`(params, state, batches) -> readings` of every slot, with a leading slot axis.

    `batches` holds the first step of a chunk: its arrays without the axis of steps.
    """
    layout, packing = structure.network.layout, StatePacking(structure)
    probe = jax.vmap(structure.network.probe)

    def probes(params: jax.Array, state: Tree, batches: tuple[Any, ...]) -> Reading:
        x, y, weight, rows, pace, *rest = batches
        x = x.astype(params.dtype)
        paces = {name: pace[:, column] for column, name in enumerate(PACE)}
        return probe(
            layout.unpack(params), packing.unpack(state), (x, y, weight, rows), paces, *rest
        )

    return probes

"""A step of every slot seen from within, by a program beside the training program.

It takes the same variables, optimizer state, batch and noise as the step that comes next, and
changes none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kohort.engine.programs import program
from kohort.engine.structure import Structure
from kohort.engine.train import Chunk, packing_of
from kohort.networks.base import Reading
from kohort.recipe.pace import PACE


def probe_function(structure: Structure) -> Callable[..., Reading]:
    """`(params, state, batches) -> readings` of every slot, with a leading slot axis.

    `batches` holds the first step of a chunk: its arrays without the axis of steps.
    """
    layout, packing = structure.network.layout, packing_of(structure)
    probe = jax.vmap(structure.network.probe)

    def probes(params: Any, state: Any, batches: tuple[Any, ...]) -> Reading:
        x, y, weight, rows, pace, *rest = batches
        x = x.astype(params.dtype)
        paces = {name: pace[:, column] for column, name in enumerate(PACE)}
        return probe(
            layout.unpack(params), packing.unpack(state), (x, y, weight, rows), paces, *rest
        )

    return probes


def probed(structure: Structure, device: Any, rows: tuple[Any, Any], chunk: Chunk) -> Reading:
    """Probe the step that comes next, in all slots.

    Parameters
    ----------
    structure : Structure
    device : jax.Device
    rows : pair of arrays
        `params` and `state`, with a slot axis.
    chunk : Chunk
        Its first step is the one.

    Returns
    -------
    Reading
        With a leading slot axis; of a free slot it says nothing.
    """
    batches = (
        *(array[:, 0] for array in chunk[:5]), chunk.numbers, chunk.units, chunk.seed, chunk.first
    )  # fmt: skip
    arguments = (*rows, batches)
    probes = program(
        (structure, len(rows[0]), device, "probe"),
        "probe",
        lambda: probe_function(structure),
        arguments,
        device=device,
    )
    return Reading(*(np.asarray(array) for array in probes(*arguments)))

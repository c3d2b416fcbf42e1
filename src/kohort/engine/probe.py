"""A step of every slot seen from within, by a program beside the training program.

It takes the same variables, optimizer state, batch and noise as the step that comes next, and
changes none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from kohort.engine.programs import program
from kohort.engine.structure import Structure
from kohort.engine.train import Chunk, following, objective_of, packing_of
from kohort.networks.base import Context, RawNetwork, named
from kohort.networks.lifted.traced import TracedModel
from kohort.networks.observing import Recorder
from kohort.networks.reading import Part, Reading, reading
from kohort.recipe.clipping import CLIPPINGS
from kohort.recipe.pace import PACE


def member_probe(structure: Structure) -> Callable[..., Reading]:
    """`(variables, state, batch, pace, numbers, units, seed, index) -> Reading`: the arguments are
    those of `member_step`.
    """
    if isinstance(structure.network, TracedModel):
        return structure.network.probe
    network, uses = cast(RawNetwork, structure.network), structure.uses
    objective, follow = objective_of(structure), following(structure)
    trainable = network.trainable

    def probe(
        variables: Any, state: Any, batch: tuple[Any, ...], pace: dict[str, Any], number_row: Any,
        units: Any, seed: Any, index: Any,
    ) -> Reading:  # fmt: skip
        numbers = {**named(number_row), **pace}
        trained, fixed = variables[:trainable], variables[trainable:]

        plain = Context(units, numbers, uses, seed, index, batch[3])

        def loss(trained: Any, offsets: Any) -> tuple[Any, Any]:
            recorder = Recorder(offsets)
            context = replace(plain, observer=recorder)
            return objective(trained, fixed, batch, context)[0], recorder.seen()

        seen = jax.eval_shape(lambda: loss(trained, {})[1])
        offsets = {layer: jnp.zeros(s[0].shape, s[0].dtype) for layer, s in seen.items()}
        gradient = jax.value_and_grad(loss, (0, 1), has_aux=True)
        (value, seen), (grads, backward) = gradient(trained, offsets)
        moved, _ = follow(trained, state, grads, plain)
        changes = [new - old for new, old in zip(moved, trained, strict=True)]
        kernels = zip(*(network.kernels(part) for part in (trained, grads, changes)), strict=True)
        parts = [
            Part(seen[layer], backward[layer], _exists(network, layer, units), kernel)
            for layer, kernel in enumerate(kernels)
        ]
        limits = {name: numbers[name] for name in CLIPPINGS if name in uses}
        return reading(parts, batch[3], value, grads, limits)

    return probe


def _exists(network: Any, layer: int, units: Any) -> Any:
    """Which units of a layer are real; None for all."""
    if layer == network.hidden:
        return None
    return jnp.arange(network.widths[layer], dtype=jnp.int32) < units[layer]


def probe_function(structure: Structure) -> Callable[..., Reading]:
    """`(params, state, batches) -> readings` of every slot, with a leading slot axis.

    `batches` holds the first step of a chunk: its arrays without the axis of steps.
    """
    layout, packing = structure.network.layout, packing_of(structure)
    probe = jax.vmap(member_probe(structure))

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

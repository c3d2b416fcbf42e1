"""A step of a network of kohort's own seen from within."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kohort.arrays import Tree, Variables
from kohort.deferred import jax, jnp
from kohort.networks.base import Batch, State
from kohort.networks.observing import Recorder
from kohort.networks.own.context import Context
from kohort.networks.own.dense import DenseNetwork
from kohort.networks.own.steps import Training
from kohort.networks.reading import Part, Reading, reading
from kohort.recipe.clipping import CLIPPINGS


def probed(
    training: Training, variables: Variables, state: State, batch: Batch, context: Context
) -> Reading:
    """Return the numbers of the step that would be next; changes nothing.

    It takes the same variables, optimizer state, batch and noise as the step does.
    """
    shape, objective = training.shape, training.objective()
    trained, fixed = variables[: shape.trainable], variables[shape.trainable :]

    def loss(trained: Variables, offsets: Tree) -> tuple[jax.Array, Any]:
        recorder = Recorder(offsets)
        watched = replace(context, observer=recorder)
        return objective(trained, fixed, batch, watched)[0], recorder.seen()

    seen = jax.eval_shape(lambda: loss(trained, {})[1])
    offsets = {layer: jnp.zeros(s[0].shape, s[0].dtype) for layer, s in seen.items()}
    gradient = jax.value_and_grad(loss, (0, 1), has_aux=True)
    (value, seen), (grads, backward) = gradient(trained, offsets)
    moved, _ = training.follow(trained, state, grads, context)
    changes = [new - old for new, old in zip(moved, trained, strict=True)]
    kernels = zip(*(shape.kernels(part) for part in (trained, grads, changes)), strict=True)
    parts = [
        Part(seen[layer], backward[layer], _exists(shape, layer, context.units), kernel)
        for layer, kernel in enumerate(kernels)
    ]
    limits = {name: context.numbers[name] for name in CLIPPINGS if name in training.uses}
    assert context.rows is not None
    return reading(parts, context.rows, value, grads, limits)


def _exists(shape: DenseNetwork, layer: int, units: jax.Array) -> jax.Array | None:
    """Which units of a layer are real; None for all."""
    if layer == shape.hidden:
        return None
    return jnp.arange(shape.widths[layer], dtype=jnp.int32) < units[layer]

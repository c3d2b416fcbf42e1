"""The reading of one probed step: a row of numbers per layer, and a row of the whole network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kohort.arrays import DTypeLike
from kohort.deferred import jax, jnp
from kohort.networks.observing import SIGNALS, signals
from kohort.recipe.clipping import CLIPPINGS, clipped

NORMS = ("weight", "gradient", "update")
LAYER = (*SIGNALS, *NORMS)
"""Numbers of a layer: its signals, then norms of its kernel, of the kernel's gradient and of what
the step adds to the kernel; NaN where a layer has no kernel."""

WHOLE = ("loss", "gradient", "kept")
"""Numbers of the whole step: the batch's loss, the norm of all gradients together, and the share of
it that clipping leaves; NaN where nothing is clipped."""


class Layer(NamedTuple):
    """A layer that a probe tells of.

    Attributes
    ----------
    name : str
    activation : str
        Keras's name of it, or of a layer that is one; "linear" for none.
    kernel : int or None
        Number of its kernel among the variables.
    """

    name: str
    activation: str
    kernel: int | None


class Reading(NamedTuple):
    """Numbers of one probed step.

    Attributes
    ----------
    layers : array, shape (layer, number)
        In the order of `LAYER`.
    whole : array, shape (number,)
        In the order of `WHOLE`.
    """

    layers: Any
    whole: Any


class Part(NamedTuple):
    """Arrays of one layer within a step.

    Attributes
    ----------
    seen : tuple or None
        Of `Recorder.seen`; None of a layer that is not watched.
    backward : array or None
        Gradient of the loss in the layer's offset.
    units : array of bool or None
        Which of its units are real.
    kernel : triple of arrays, or None
        Kernel, its gradient, and what the step adds to it.
    """

    seen: tuple[Any, ...] | None
    backward: Any
    units: Any
    kernel: tuple[Any, Any, Any] | None


def reading(
    parts: Sequence[Part],
    rows: jax.Array,
    loss: jax.Array,
    grads: Sequence[Any],
    limits: Mapping[str, Any],
) -> Reading:
    """The numbers of a step.

    Parameters
    ----------
    parts : sequence of Part
        Layer by layer.
    rows : int32 scalar
        Real rows of the batch.
    loss : scalar
    grads : sequence of arrays
        Of all trained variables, before clipping.
    limits : mapping
        Limits of clipping by name, those of the program; infinity for one that is not set.
    """
    dtype = loss.dtype
    layers = [jnp.concatenate([_signals(part, rows, dtype), _norms(part, dtype)]) for part in parts]
    norm = _norm(grads).astype(dtype)
    kept = jnp.full((), jnp.nan, dtype)
    if names := frozenset(limits) & frozenset(CLIPPINGS):
        left = _norm(clipped(grads, limits, names)).astype(dtype) / norm
        limited = jnp.any(jnp.stack([jnp.isfinite(limits[name]) for name in sorted(names)]))
        kept = jnp.where(limited, left, kept)
    empty = jnp.zeros((0, len(LAYER)), dtype)
    return Reading(jnp.stack(layers) if layers else empty, jnp.stack([loss, norm, kept]))


def _signals(part: Part, rows: jax.Array, dtype: DTypeLike) -> Any:
    if part.seen is None or part.seen[0] is None:
        return jnp.full(len(SIGNALS), jnp.nan, dtype)
    return signals(part.seen, part.backward, rows, part.units).astype(dtype)


def _norms(part: Part, dtype: DTypeLike) -> Any:
    if part.kernel is None:
        return jnp.full(len(NORMS), jnp.nan, dtype)
    return jnp.stack([_norm([array]).astype(dtype) for array in part.kernel])


def _norm(arrays: Sequence[Any]) -> Any:
    total: Any = sum(jnp.sum(jnp.square(array)) for array in jax.tree.leaves(list(arrays)))
    return jnp.sqrt(total)

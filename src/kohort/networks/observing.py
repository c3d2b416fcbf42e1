"""Signals through a network, recorded while a program is traced and summed up by layer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kohort.deferred import jax, jnp

Function = Callable[[Any], Any]

SIGNALS = (
    "mean", "deviation", "signal", "backward", "saturated", "dead", "mean_drift", "variance_drift",
)  # fmt: skip
"""Names of the numbers that `signals` gives of a layer, in their order."""

FLAT = 0.05
"""Share of the steepest slope of an activation below which a unit counts as saturated."""

_REACH, _POINTS = 6.0, 97  # Where, and how often, the steepest slope is looked for.


class Observer:
    """Null observer: calls the activation unchanged and adds no operation to the traced program."""

    def activate(
        self, layer: Hashable, function: Function, x: jax.Array, elementwise: bool = True
    ) -> Any:
        """The activation of a layer: `function(x)`."""
        return function(x)

    def normalise(self, layer: Hashable, x: jax.Array, averages: tuple[Any, Any]) -> None:
        """Take the input of a batch normalisation, and its moving mean and variance."""


UNOBSERVED = Observer()


def linear(x: jax.Array) -> Any:
    """The activation of a layer that has none."""
    return x


@dataclass
class Sight:
    """Arrays that were seen of one layer.

    Attributes
    ----------
    activation : array, shape (batch, ..., unit)
    flat : array of bool, same shape, or None
        Where the activation has no slope to speak of; None where that has no meaning.
    normalised : array or None
        Input of the batch normalisation, shape (batch, ..., unit).
    averages : pair of arrays or None
        Its moving mean and variance before the step.
    """

    activation: Any = None
    flat: Any = None
    normalised: Any = None
    averages: tuple[Any, Any] | None = None


@dataclass
class Recorder(Observer):
    """Keeps the signals of each layer, and adds an offset to the argument of each activation, by
    which a loss can be differentiated.

    Attributes
    ----------
    offsets : dict
        By layer; nothing is added where there is none.
    sights : dict of Sight
        By layer, in the order in which they were seen.
    """

    offsets: dict[Any, Any] = field(default_factory=dict)
    sights: dict[Any, Sight] = field(default_factory=dict)

    def activate(
        self, layer: Hashable, function: Function, x: jax.Array, elementwise: bool = True
    ) -> Any:
        if layer in self.offsets:
            x = x + self.offsets[layer]
        sight = self.sights.setdefault(layer, Sight())
        sight.activation = function(x)
        sloped = elementwise and function is not linear
        sight.flat = _flat(function, x) if sloped else None
        return sight.activation

    def normalise(self, layer: Hashable, x: jax.Array, averages: tuple[Any, Any]) -> None:
        sight = self.sights.setdefault(layer, Sight())
        sight.normalised, sight.averages = x, averages

    def seen(self) -> dict[Any, tuple[Any, ...]]:
        """The arrays of each sight, which a differentiated function can return."""
        return {
            layer: (sight.activation, sight.flat, sight.normalised, sight.averages)
            for layer, sight in self.sights.items()
        }


def _flat(function: Function, x: jax.Array) -> Any:
    """Where the slope of an elementwise function is below `FLAT` of its steepest (1 at most)."""
    one = jnp.ones_like(x)
    slope = jnp.abs(jax.jvp(function, (x,), (one,))[1])
    points = jnp.arange(_POINTS, dtype=x.dtype) * (2 * _REACH / (_POINTS - 1)) - _REACH
    grid = jnp.broadcast_to(points.reshape(-1, *[1] * (x.ndim - 1)), (_POINTS, *x.shape[1:]))
    steepest = jnp.max(jnp.abs(jax.jvp(function, (grid,), (jnp.ones_like(grid),))[1]), axis=0)
    return slope <= FLAT * jnp.minimum(steepest, 1.0)[None]


def signals(
    seen: tuple[Any, ...],
    backward: jax.Array | None,
    rows: jax.Array,
    units: jax.Array | None = None,
) -> Any:
    """The signals of one layer, in the order of `SIGNALS`; NaN where one has no meaning.

    With activations `a` and losses of rows `l`, over the real rows and units: mean and deviation of
    `a`; its mean square; the mean square of `dl/dz`, the slope of a row's loss in what the
    activation is given; the share of entries, and of units in every row, where the activation is
    flat; the mean distance of the moving mean from the batch's, in deviations of the batch; the
    mean distance of the logarithms of their variances.

    Parameters
    ----------
    seen : tuple
        Of `Recorder.seen`.
    backward : array or None
        Gradient of the batch's mean loss in the offset of the layer.
    rows : int32 scalar
        Leading rows that are real.
    units : array of bool, shape (unit,), or None
        Which units are real; None for all.
    """
    activation, flat, normalised, averages = seen
    real, count = _real(activation, rows, units)
    mean = jnp.sum(jnp.where(real, activation, 0)) / count
    square = jnp.sum(jnp.where(real, jnp.square(activation), 0)) / count
    spread = jnp.sum(jnp.where(real, jnp.square(activation - mean), 0)) / count
    missing = jnp.full((), jnp.nan, activation.dtype)
    slope = saturated = dead = missing
    if backward is not None:
        scaled = backward * rows.astype(backward.dtype)
        slope = jnp.sum(jnp.where(real, jnp.square(scaled), 0)) / count
    if flat is not None:
        saturated = jnp.sum(jnp.where(real, flat, False), dtype=activation.dtype) / count
        everywhere = jnp.all(flat | ~real, axis=tuple(range(flat.ndim - 1)))
        exists = jnp.ones(everywhere.shape, bool) if units is None else units
        share = jnp.sum(everywhere & exists, dtype=activation.dtype)
        dead = share / jnp.sum(exists, dtype=activation.dtype)
    drifts = (missing, missing)
    if normalised is not None and averages is not None:
        drifts = _drifts(normalised, averages, rows, units)
    return jnp.stack([mean, jnp.sqrt(spread), square, slope, saturated, dead, *drifts])


def _real(values: jax.Array, rows: jax.Array, units: jax.Array | None) -> tuple[Any, Any]:
    """Which entries are real, and how many."""
    shape = values.shape
    first = jnp.arange(shape[0], dtype=jnp.int32) < rows
    real = jnp.broadcast_to(first.reshape(-1, *[1] * (len(shape) - 1)), shape)
    if units is not None:
        real = real & jnp.broadcast_to(units, shape)
    return real, jnp.sum(real, dtype=values.dtype)


def _drifts(
    x: jax.Array, averages: tuple[Any, Any], rows: jax.Array, units: jax.Array | None
) -> tuple[Any, Any]:
    """How far the moving averages are from the statistics of the batch, over the real units."""
    axes = tuple(range(x.ndim - 1))
    real, _ = _real(x, rows, None)
    count = jnp.maximum(jnp.sum(real, axis=axes, dtype=x.dtype), 1)
    mean = jnp.sum(jnp.where(real, x, 0), axis=axes) / count
    variance = jnp.sum(jnp.where(real, jnp.square(x - mean), 0), axis=axes) / count
    tiny = float(np.finfo(x.dtype).tiny)
    exists = variance > tiny if units is None else units & (variance > tiny)
    safe = jnp.where(exists, variance, 1)
    number = jnp.maximum(jnp.sum(exists, dtype=x.dtype), 1)
    shift = jnp.abs(averages[0].astype(x.dtype) - mean) / jnp.sqrt(safe)
    ratio = jnp.log(jnp.maximum(averages[1].astype(x.dtype), tiny)) - jnp.log(safe)
    sums = [jnp.sum(jnp.where(exists, part, 0)) for part in (shift, jnp.abs(ratio))]
    return sums[0] / number, sums[1] / number

"""Piecewise constant rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.errors import ParameterError, explain
from kohort.recipe.schedules.base import Clock, Schedule, Values

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


def piecewise(recipe: Recipe, clock: Clock) -> Values:
    """Keras's `PiecewiseConstantDecay`: the step at a boundary has the rate before it."""
    assert recipe.boundaries is not None
    boundaries = np.round(np.asarray(recipe.boundaries) * clock.per_epoch, 6)
    factors = recipe.factors
    if factors is None:
        factors = tuple(float(recipe.decay_rate) ** piece for piece in range(len(boundaries) + 1))
    return np.asarray(factors)[np.searchsorted(boundaries, clock.steps, side="left")]


def check(fields: Mapping[str, Any]) -> None:
    """Refuse boundaries that do not increase, and factors that do not go with them."""
    boundaries, factors = fields["boundaries"], fields["factors"]
    if boundaries is None or len(boundaries) == 0 or np.any(np.diff(boundaries) <= 0):
        requirement = "a list of increasing epochs with schedule='piecewise'"
        remedy = "Give boundaries=[50, 75], for example."
        raise ParameterError(explain("boundaries", requirement, boundaries, remedy))
    if factors is not None and len(factors) != len(boundaries) + 1:
        requirement = f"one longer than boundaries, {len(boundaries) + 1} numbers"
        raise ParameterError(explain("factors", requirement, factors))


PIECEWISE = Schedule("piecewise", piecewise, options=("boundaries", "factors"), check=check)

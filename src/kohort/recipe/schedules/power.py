"""Power scheduling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kohort.recipe.schedules.base import Clock, Schedule, Values, whole

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


def power(recipe: Recipe, clock: Clock) -> Values:
    """(1 + t / s)**-decay_power: Keras's `InverseTimeDecay` with decay_rate 1, to any power."""
    time = whole(recipe, clock.share(recipe.decay_epochs, clock.fifth))
    return np.asarray((1 + time) ** -float(recipe.decay_power))


POWER = Schedule("power", power, options=("staircase",))

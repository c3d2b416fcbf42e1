"""Exponential scheduling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kohort.recipe.schedules.base import Clock, Schedule, Values, whole

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


def exponential(recipe: Recipe, clock: Clock) -> Values:
    """decay_rate**(t / s): Keras's `ExponentialDecay`."""
    time = whole(recipe, clock.share(recipe.decay_epochs, clock.fifth))
    return np.asarray(float(recipe.decay_rate) ** time)


EXPONENTIAL = Schedule("exponential", exponential, options=("staircase",))

"""Polynomial decay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kohort.recipe.schedules.base import Clock, Schedule, Values, above_final

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


def polynomial(recipe: Recipe, clock: Clock) -> Values:
    """(1 - t / s)**decay_power: Keras's `PolynomialDecay`."""
    done = np.minimum(clock.share(recipe.decay_epochs, clock.total), 1.0)
    return above_final(recipe, (1 - done) ** float(recipe.decay_power))


POLYNOMIAL = Schedule("polynomial", polynomial)

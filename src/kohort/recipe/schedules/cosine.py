"""Cosine annealing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kohort.recipe.schedules.base import Clock, Schedule, Values, above_final, falling_cosine

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


def cosine(recipe: Recipe, clock: Clock) -> Values:
    """Keras's `CosineDecay`; Loshchilov and Hutter 2017 (arXiv:1608.03983)."""
    done = np.minimum(clock.share(recipe.decay_epochs, clock.total), 1.0)
    return above_final(recipe, falling_cosine(done))


COSINE = Schedule("cosine", cosine)

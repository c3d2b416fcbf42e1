"""Cosine annealing with warm restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kohort.recipe.schedules.base import Clock, Schedule, Values, above_final, falling_cosine

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


def cosine_restarts(recipe: Recipe, clock: Clock) -> Values:
    """Keras's `CosineDecayRestarts`; Loshchilov and Hutter 2017 (arXiv:1608.03983)."""
    done = clock.share(recipe.decay_epochs, clock.fifth)
    growth = float(recipe.t_mul)
    if growth == 1:
        period = np.floor(done)
        done = done - period
    else:
        period = np.floor(np.log(1 - done * (1 - growth)) / np.log(growth))
        start = (1 - growth**period) / (1 - growth)
        done = (done - start) / growth**period
    return above_final(recipe, float(recipe.m_mul) ** period * falling_cosine(done))


COSINE_RESTARTS = Schedule("cosine_restarts", cosine_restarts)

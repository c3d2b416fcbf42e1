"""Arrays over steps of the values that change: rate, momentum, frozen layers, new epochs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules import momenta, rates

PACE = ("learning_rate", "momentum", "beta_1", "gain_1", "thawed", "fresh")
"""Columns: numbers of a member that may differ at each step; `fresh` is 1 where an epoch starts."""


def pace(
    recipe: Recipe, first: int, steps: int, steps_per_epoch: int, factor: float = 1.0
) -> NDArray[np.float64]:
    """The numbers of consecutive steps of a member.

    Parameters
    ----------
    recipe : Recipe
    first : int
        Number of the first step, counted from 0 over the whole training.
    steps, steps_per_epoch : int
    factor : float
        Factor of the rate, in (0, 1], after performance scheduling.

    Returns
    -------
    array of float64, shape (step, number)
        Columns in the order of `PACE`.

    Examples
    --------
    >>> pace(Recipe.of(loss="mse"), first=0, steps=2, steps_per_epoch=10)[:, 0]
    array([0.001, 0.001])
    """
    at = np.arange(first, first + steps)
    momentum, beta_1 = recipe.momentum, recipe.beta_1
    result = np.empty((steps, len(PACE)))
    result[:, 0] = rates(recipe, at, steps_per_epoch) * factor
    result[:, 1:4] = momentum, beta_1, 1 - beta_1
    result[:, 4] = at >= recipe.freeze_epochs * steps_per_epoch
    result[:, 5] = at % steps_per_epoch == 0
    cycled = momenta(recipe, at, steps_per_epoch)
    if cycled is not None:
        _cycle(recipe, cycled, result)
    return result


def _cycle(recipe: Recipe, cycled: NDArray[np.float64], result: NDArray[np.float64]) -> None:
    """Replace what the optimizer has as momentum, if it has any."""
    name = OPTIMIZERS[recipe.optimizer].cycled_in(recipe)
    if name == "momentum":
        result[:, 1] = cycled
    elif name == "beta_1":
        result[:, 2], result[:, 3] = cycled, 1 - cycled

"""Learning rates as an array over a member's own steps: a schedule is data, not program."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kohort.recipe.recipe import Recipe


def rates(recipe: Recipe, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Learning rate at each of a member's own steps.

    Parameters
    ----------
    recipe : Recipe
    steps : numpy.ndarray of int, shape (step,)
        Step numbers, counted from 0 over the whole training.

    Returns
    -------
    numpy.ndarray of float64, shape (step,)
    """
    return np.full(steps.shape, recipe.learning_rate)

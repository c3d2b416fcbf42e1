"""The learning rate and the momentum of each step of a recipe."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Estimator
from kohort.recipe.pace import PACE, pace
from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules import warmup_steps

_MOST_POINTS = 1000


def columns(recipe: Recipe, steps_per_epoch: int) -> dict[str, NDArray[np.float64]]:
    """The numbers of every step of the training, named as in `PACE`."""
    matrix = pace(recipe, 0, recipe.epochs * steps_per_epoch, steps_per_epoch)
    return dict(zip(PACE, matrix.T, strict=True))


def cycled(numbers: dict[str, NDArray[np.float64]]) -> str | None:
    """Name of the number that the schedule moves against the rate."""
    return next((name for name in ("momentum", "beta_1") if np.ptp(numbers[name]) > 0), None)


def network_of(estimator: Estimator) -> Any:
    """The estimator itself, or the last step of a pipeline."""
    return network_of(estimator.steps[-1][1]) if hasattr(estimator, "steps") else estimator


def schedule_of(estimator: Estimator, steps_per_epoch: int) -> dict[str, Any] | None:
    """The planned learning rate of a fitted estimator, as plain values for a page.

    Parameters
    ----------
    estimator : estimator
        Fitted; a pipeline's last step counts.
    steps_per_epoch : int
        Of its training.

    Returns
    -------
    dict or None
        `name` of the schedule, `epoch` (in epochs, from 0) and `rate` of up to 1,000 steps,
        `momentum` of the same steps and its `momentum_name` (both None where it stays), `warmup`
        in epochs, `trained` epochs and the `kept` one (from 1). None if the estimator has no
        recipe of kohort's.
    """
    network = network_of(estimator)
    recipe = getattr(network, "recipe_", None)
    if not isinstance(recipe, Recipe) or steps_per_epoch < 1 or not hasattr(network, "n_epochs_"):
        return None
    numbers = columns(recipe, steps_per_epoch)
    count = len(numbers["learning_rate"])
    shown = np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(int))
    moved = cycled(numbers)
    return {
        "name": recipe.schedule,
        "epoch": (shown / steps_per_epoch).tolist(),
        "rate": numbers["learning_rate"][shown].tolist(),
        "momentum": numbers[moved][shown].tolist() if moved else None,
        "momentum_name": moved,
        "warmup": warmup_steps(recipe, steps_per_epoch) / steps_per_epoch,
        "trained": int(network.n_epochs_),
        "kept": int(network.best_epoch_) + 1,
    }

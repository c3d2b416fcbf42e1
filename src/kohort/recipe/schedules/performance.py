"""Performance scheduling: a member's rate falls when its validation loss rests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kohort.errors import ParameterError, explain
from kohort.recipe.schedules.base import Schedule

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


class Plateau:
    """State of one member, with the decisions of Keras's `ReduceLROnPlateau`.

    Parameters
    ----------
    recipe : Recipe
        `decay_rate` is Keras's factor, `final_rate * learning_rate` its min_lr.

    Examples
    --------
    >>> from kohort.recipe.recipe import Recipe
    >>> recipe = Recipe.of(loss="mse", schedule="performance", plateau_patience=1, decay_rate=0.5)
    >>> plateau = Plateau(recipe)
    >>> for loss in (1.0, 1.0, 1.0):
    ...     plateau.end_epoch(loss)
    >>> plateau.factor
    0.25
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._rate = float(recipe.learning_rate)
        self._best = math.inf
        self._wait = 0
        self._cooldown = 0

    @property
    def factor(self) -> float:
        """What is left of the learning rate, as a share."""
        return self._rate / float(self._recipe.learning_rate)

    def end_epoch(self, monitored: float) -> None:
        """Take in the monitored loss of an epoch that has ended."""
        recipe = self._recipe
        if self._cooldown > 0:
            self._cooldown -= 1
            self._wait = 0
        if monitored < self._best - recipe.plateau_min_delta:
            self._best, self._wait = monitored, 0
        elif self._cooldown <= 0:
            self._wait += 1
            if self._wait >= recipe.plateau_patience:
                self._reduce()

    def _reduce(self) -> None:
        least = self._recipe.final_rate * self._recipe.learning_rate
        if self._rate > least:
            self._rate = max(self._rate * self._recipe.decay_rate, least)
            self._cooldown, self._wait = self._recipe.plateau_cooldown, 0


def check(fields: Mapping[str, Any]) -> None:
    """Refuse a factor that would not lower the rate."""
    if fields["decay_rate"] >= 1:
        requirement, remedy = "below 1 with schedule='performance'", "Use 0.5, for example."
        raise ParameterError(explain("decay_rate", requirement, fields["decay_rate"], remedy))


PERFORMANCE = Schedule("performance", check=check)

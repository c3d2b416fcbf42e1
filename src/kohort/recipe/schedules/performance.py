"""Performance scheduling: a member's rate falls when its validation loss rests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kohort.errors import ParameterError, explain
from kohort.recipe.schedules.base import Schedule

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


@dataclass
class Plateau:
    """State of one member, with the decisions of Keras's `ReduceLROnPlateau`.

    Parameters
    ----------
    recipe : Recipe
        `decay_rate` is Keras's factor, `final_rate * learning_rate` its min_lr.

    Attributes
    ----------
    rate, best : float
        Learning rate now; the least monitored loss.
    wait, cooldown : int
        Epochs since that, and those for which the rate may not fall again.

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

    recipe: Recipe
    rate: float = field(init=False)
    best: float = field(default=math.inf, init=False)
    wait: int = field(default=0, init=False)
    cooldown: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.rate = float(self.recipe.learning_rate)

    @property
    def factor(self) -> float:
        """The remaining share of the learning rate."""
        return self.rate / float(self.recipe.learning_rate)

    def end_epoch(self, monitored: float) -> None:
        """Take in the monitored loss of an epoch that has ended."""
        recipe = self.recipe
        if self.cooldown > 0:
            self.cooldown -= 1
            self.wait = 0
        if monitored < self.best - recipe.plateau_min_delta:
            self.best, self.wait = monitored, 0
        elif self.cooldown <= 0:
            self.wait += 1
            if self.wait >= recipe.plateau_patience:
                self._reduce()

    def _reduce(self) -> None:
        least = self.recipe.final_rate * self.recipe.learning_rate
        if self.rate > least:
            self.rate = max(self.rate * self.recipe.decay_rate, least)
            self.cooldown, self.wait = self.recipe.plateau_cooldown, 0


def check(fields: Mapping[str, Any]) -> None:
    """Refuse a factor that would not lower the rate."""
    if fields["decay_rate"] >= 1:
        requirement, remedy = "below 1 with schedule='performance'", "Use 0.5, for example."
        raise ParameterError(explain("decay_rate", requirement, fields["decay_rate"], remedy))


PERFORMANCE = Schedule("performance", check=check)

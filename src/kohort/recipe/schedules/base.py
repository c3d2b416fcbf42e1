"""The interface of schedules: multiples of the learning rate over the time since the warm-up.

A schedule is data, not program: its numbers are an array over a member's own steps. Time is counted
in epochs and moves at each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe

Steps = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Clock:
    """Time since the warm-up.

    Attributes
    ----------
    steps : array of float64, shape (step,)
    total : int
        Steps from the end of the warm-up to the end of the training.
    per_epoch : int
    """

    steps: Values
    total: int
    per_epoch: int

    def share(self, decay_epochs: float | None, default: float) -> Values:
        """Time as a share of a number of epochs, by default of a number of steps."""
        length = default if decay_epochs is None else decay_epochs * self.per_epoch
        return self.steps / max(length, 1e-12)

    @property
    def fifth(self) -> float:
        """A fifth of the training, in steps."""
        return self.total / 5


Shape = Callable[["Recipe", Clock], Values]
"""`shape(recipe, clock)` gives a number for each step."""


def _agrees(fields: Mapping[str, Any]) -> None:
    """Accept any parameters."""


@dataclass(frozen=True)
class Schedule:
    """One way in which the learning rate changes from step to step.

    Attributes
    ----------
    name : str
        Its name in a recipe.
    rate : callable or None
        Multiples of `learning_rate`; None where the rate stays.
    momentum : callable or None
        Momentum where the schedule cycles it against the rate.
    options : tuple of str
        Hyperparameters that are refused with schedules that lack them.
    check : callable
        `check(fields)` raises a `ParameterError` where a recipe's fields contradict each other.
    """

    name: str
    rate: Shape | None = None
    momentum: Shape | None = None
    options: tuple[str, ...] = ()
    check: Callable[[Mapping[str, Any]], None] = _agrees


def whole(recipe: Recipe, time: Values) -> Values:
    """The time, only counted in whole units where the recipe asks for a staircase."""
    return np.floor(time) if recipe.staircase else time


def falling_cosine(done: Values) -> Values:
    """From 1 at 0 to 0 at 1 along half a cosine."""
    return np.asarray(0.5 * (1 + np.cos(np.pi * done)))


def above_final(recipe: Recipe, height: Values) -> Values:
    """Heights in [0, 1] between the recipe's final rate and 1."""
    final = float(recipe.final_rate)
    return (1 - final) * height + final

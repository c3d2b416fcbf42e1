"""Where a member's numbers of each step come from: a recipe, one rate, or a sweep of rates.

A `Pace` is a value that members share; `start` gives the state of one training, a `Pacer`.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np

from kohort.arrays import Floats
from kohort.recipe.pace import PACE, pace
from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules.performance import Plateau


class Pacer(Protocol):
    """The pace of one training: knows what its epochs and its callbacks have decided so far."""

    def numbers(self, first: int, steps: int, steps_per_epoch: int) -> Floats:
        """Return the numbers of consecutive steps, shape (step, number), in the order of `PACE`.

        `first` counts steps over the whole training, from 0.
        """
        ...

    def set_rate(self, rate: float) -> None:
        """Train with this learning rate from now on."""
        ...

    def end_epoch(self, monitored: float) -> None:
        """Take in the monitored loss of an epoch that has ended."""
        ...

    def copied(self) -> Self:
        """Return another one that has decided the same so far, and goes on by itself."""
        ...


class Pace(Protocol):
    """The values that change from step to step of a member's training."""

    @property
    def rate(self) -> float | None:
        """Learning rate that it starts from; None where the network computes its own."""
        ...

    def at(self, rate: float) -> Pace:
        """Return the same pace from another learning rate."""
        ...

    def steady(self) -> Pace:
        """Return the same pace without a schedule: every step has the rate it starts from."""
        ...

    def start(self) -> Pacer:
        """Return the state of a training that begins."""
        ...


@dataclass(frozen=True)
class RecipePace:
    """The schedule, the momentum and the freezing of a recipe."""

    recipe: Recipe

    @property
    def rate(self) -> float | None:
        return self.recipe.learning_rate

    def at(self, rate: float) -> RecipePace:
        return RecipePace(replace(self.recipe, learning_rate=rate))

    def steady(self) -> RecipePace:
        plain = replace(self.recipe, schedule="constant", warmup=0.0, freeze_epochs=0)
        return RecipePace(plain)

    def start(self) -> Pacer:
        return _RecipePacer(self.recipe)


@dataclass
class _RecipePacer:
    recipe: Recipe
    factor: float = 1.0
    plateau: Plateau | None = field(init=False)

    def __post_init__(self) -> None:
        self.plateau = Plateau(self.recipe) if self.recipe.schedule == "performance" else None

    def numbers(self, first: int, steps: int, steps_per_epoch: int) -> Floats:
        factor = self.factor if self.plateau is None else self.plateau.factor
        return pace(self.recipe, first, steps, steps_per_epoch, factor)

    def set_rate(self, rate: float) -> None:
        self.factor = rate / self.recipe.learning_rate

    def end_epoch(self, monitored: float) -> None:
        if self.plateau is not None:
            self.plateau.end_epoch(monitored)

    def copied(self) -> Self:
        other = copy(self)
        other.plateau = copy(self.plateau)
        return other


@dataclass(frozen=True)
class SteadyPace:
    """One learning rate at every step; None where the network's own schedule computes it.

    Examples
    --------
    >>> pacer = SteadyPace(0.25).start()
    >>> pacer.numbers(first=0, steps=2, steps_per_epoch=2)[:, 0]
    array([0.25, 0.25])
    """

    rate: float | None

    def at(self, rate: float) -> SteadyPace:
        """Return the pace of another learning rate."""
        return SteadyPace(rate)

    def steady(self) -> SteadyPace:
        """Return itself."""
        return self

    def start(self) -> Pacer:
        """Return the state of a training that begins."""
        return _SteadyPacer(1.0 if self.rate is None else self.rate)


@dataclass
class _SteadyPacer:
    rate: float

    def numbers(self, first: int, steps: int, steps_per_epoch: int) -> Floats:
        found = np.zeros((steps, len(PACE)))
        found[:, PACE.index("learning_rate")] = self.rate
        found[:, PACE.index("thawed")] = 1
        found[:, PACE.index("fresh")] = np.arange(first, first + steps) % steps_per_epoch == 0
        return found

    def set_rate(self, rate: float) -> None:
        self.rate = rate

    def end_epoch(self, monitored: float) -> None:
        """A steady pace learns nothing from an epoch."""

    def copied(self) -> Self:
        return copy(self)


@dataclass(frozen=True, eq=False)
class SweptPace:
    """Another pace with a learning rate for each step, counted over the whole training.

    Attributes
    ----------
    plain : Pace
        Gives the other numbers.
    rates : array of float, shape (step,)
        The last one goes on.
    """

    plain: Pace
    rates: Floats

    @property
    def rate(self) -> float | None:
        return float(self.rates[0])

    def at(self, rate: float) -> Pace:
        return self.plain.at(rate)

    def steady(self) -> Pace:
        return self.plain.steady()

    def start(self) -> Pacer:
        return _SweptPacer(self.plain.start(), self.rates)


@dataclass
class _SweptPacer:
    plain: Pacer
    rates: Floats

    def numbers(self, first: int, steps: int, steps_per_epoch: int) -> Floats:
        found = self.plain.numbers(first, steps, steps_per_epoch)
        at = np.minimum(np.arange(first, first + steps), len(self.rates) - 1)
        found[:, PACE.index("learning_rate")] = self.rates[at]
        return found

    def set_rate(self, rate: float) -> None:
        """A sweep's rates are given beforehand."""

    def end_epoch(self, monitored: float) -> None:
        self.plain.end_epoch(monitored)

    def copied(self) -> Self:
        return replace(self, plain=self.plain.copied())

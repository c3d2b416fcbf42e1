"""A member is one fit: a recipe, rows to train on, rows to validate on, a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.networks.dense import DenseNetwork
from kohort.recipe.recipe import Recipe

Floats = NDArray[np.floating[Any]]
Logs = dict[str, float]

FINISHED = "finished"
STOPPED_EARLY = "stopped_early"
STOPPED_BY_CALLBACK = "stopped_by_callback"
DIVERGED = "diverged"
WAITING = "waiting"
TRAINING = "training"


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table: `x` (row, feature), `y` (row, target), `weight` (row,) or None."""

    x: Floats
    y: Floats
    weight: Floats | None = None


@dataclass(frozen=True, eq=False)
class Member:
    """One fit, before it trains.

    Attributes
    ----------
    recipe : Recipe
    network : DenseNetwork
    rows : Rows
        Shared between members where possible; never written to.
    train : array of int or None
        Which of the rows to train on; None for all.
    validation : Rows or None
    seed : int
        Fixes the initial weights, the order of rows and dropout.
    initial : list of arrays or None
        Initial variables at real width; drawn from the seed when None.
    on_epoch : callable or None
        `on_epoch(epoch, logs, weights)` after each epoch, where `weights()` gives the current
        variables; a true result ends the training.
    """

    recipe: Recipe
    network: DenseNetwork
    rows: Rows
    train: NDArray[np.intp] | None
    validation: Rows | None
    seed: int
    initial: list[Floats] | None = None
    on_epoch: Callable[[int, Logs, Callable[[], list[Floats]]], bool] | None = None

    @property
    def size(self) -> int:
        """Number of rows trained on in an epoch."""
        return len(self.rows.x) if self.train is None else len(self.train)

    def generator(self, *stream: int) -> np.random.Generator:
        """The member's own random numbers for one purpose, the same wherever it trains."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=stream)
        return np.random.Generator(np.random.SFC64(sequence))

    def initial_variables(self) -> list[Floats]:
        """Initial variables at the member's real widths."""
        if self.initial is not None:
            return self.initial
        return list(self.network.initial(self.recipe, self.generator(0)))

    def order(self, epoch: int) -> NDArray[np.intp]:
        """Row numbers in the order in which an epoch visits them."""
        order = self.generator(1, epoch).permutation(self.size)
        return order if self.train is None else self.train[order]


@dataclass
class Outcome:
    """What became of a member; failure is a value.

    Attributes
    ----------
    weights : list of arrays or None
        Variables at real width; None if none were finite.
    history : dict of list
        Per-epoch logs, as Keras names them.
    status : str
        `"finished"`, `"stopped_early"`, `"stopped_by_callback"` or `"diverged"`.
    best_epoch : int
        Index of the epoch whose weights these are.
    cause : str
        Why training diverged, with the epoch, the step and a remedy.
    """

    weights: list[Floats] | None
    history: dict[str, list[float]] = field(default_factory=dict)
    status: str = FINISHED
    best_epoch: int = 0
    cause: str = ""

    @property
    def epochs(self) -> int:
        """Number of epochs that ran to their end."""
        return len(self.history.get("loss", ()))

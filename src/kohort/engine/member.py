"""A member is one fit: a recipe, rows to train on, rows to validate on, a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from kohort.engine.order import Order, generator_of
from kohort.engine.rows import LazyRows
from kohort.networks.base import Network, RawNetwork
from kohort.networks.reading import Reading
from kohort.recipe.recipe import Recipe

Floats = NDArray[np.floating[Any]]
Logs = dict[str, float]

FINISHED = "finished"
STOPPED_EARLY = "stopped_early"
STOPPED_BY_CALLBACK = "stopped_by_callback"
DIVERGED = "diverged"
WAITING = "waiting"
TRAINING = "training"


class Verdict(NamedTuple):
    """What a callback has decided at the end of an epoch.

    Attributes
    ----------
    stop : bool
        End the training.
    rate : float or None
        Learning rate from now on.
    weights : list of arrays or None
        Variables to go on with.
    """

    stop: bool = False
    rate: float | None = None
    weights: list[Floats] | None = None


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table: `x` (row, feature), `y` (row, target), `weight` (row,) or None.

    `x` may be of bytes, which programs turn into floats, or still in files.
    """

    x: NDArray[Any] | LazyRows
    y: Floats
    weight: Floats | None = None


class Instrument(Protocol):
    """Sees some steps of a member from within, and changes nothing."""

    def next(self, step: int) -> int:
        """Number of the first step from `step` on that shall be probed."""
        ...

    def take(self, step: int, reading: Reading) -> None:
        """Receive what a probe of a step says."""
        ...


OnSteps = Callable[[int, Floats], None]
OnEpoch = Callable[[int, Logs, Callable[[], list[Floats]]], Verdict]


@dataclass(frozen=True, eq=False)
class Member:
    """One fit, before it trains.

    Attributes
    ----------
    recipe : Recipe
    network : Network
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
        variables; gives a `Verdict`.
    lifted : tuple of float or None
        The member's numbers where they are not the recipe's.
    shuffled : bool
        Whether each epoch visits the rows in an order of its own.
    first_epoch : int
        Epoch to start with.
    rate : float or None
        Learning rate to start with where it is not the recipe's; may be 0.
    rates : array of float or None
        Learning rate of each step, counted over the whole training, in place of the schedule's;
        the last one goes on.
    on_steps : callable or None
        `on_steps(first, losses)` after each chunk: number of its first step, loss of each step.
    instrument : Instrument or None
        Sees chosen steps from within.
    """

    recipe: Recipe
    network: Network
    rows: Rows
    train: NDArray[np.intp] | None
    validation: Rows | None
    seed: int
    initial: list[Floats] | None = None
    on_epoch: OnEpoch | None = None
    lifted: tuple[float, ...] | None = None
    shuffled: bool = True
    first_epoch: int = 0
    rate: float | None = None
    rates: Floats | None = None
    on_steps: OnSteps | None = None
    instrument: Instrument | None = None

    @property
    def size(self) -> int:
        """Number of rows trained on in an epoch."""
        return self.order.size

    @cached_property
    def order(self) -> Order:
        """In which order its epochs visit the rows."""
        x = self.rows.x
        blocks = (x.blocks, x.window) if isinstance(x, LazyRows) else ()
        return Order(self.seed, len(x), self.train, self.shuffled, *blocks)

    def generator(self, *stream: int) -> np.random.Generator:
        """The member's own random numbers for one purpose, the same wherever it trains."""
        return generator_of(self.seed, *stream)

    def initial_variables(self) -> list[Floats]:
        """Initial variables at the member's real widths."""
        if self.initial is not None:
            return self.initial
        network = cast(RawNetwork, self.network)
        return network.initial(self.recipe, self.generator(0))

    def numbers(self) -> tuple[float, ...]:
        """The member's row of the number matrix."""
        return self.recipe.numbers() if self.lifted is None else self.lifted


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

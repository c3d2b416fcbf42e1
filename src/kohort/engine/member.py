"""A member is one fit: a network, its numbers, rows to train on, rows to validate on, a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats as Floats
from kohort.engine.content import digest_of
from kohort.engine.order import Order, generator_of
from kohort.engine.rows import LazyRows
from kohort.engine.snapshot import Snapshot
from kohort.networks.base import Network, Reading
from kohort.recipe.pacing import Pace
from kohort.recipe.stopping import Stopping

Logs = dict[str, float]

FINISHED = "finished"
STOPPED_EARLY = "stopped_early"
STOPPED_BY_CALLBACK = "stopped_by_callback"
DIVERGED = "diverged"
PAUSED = "paused"
WAITING = "waiting"
TRAINING = "training"


class Verdict(NamedTuple):
    """The decision of a callback at the end of an epoch.

    Attributes
    ----------
    stop : bool
        End the training.
    rate : float or None
        Learning rate from now on.
    weights : list of arrays or None
        Variables to go on with.
    early : bool
        Whether what ends the training is early stopping.
    kept : list of arrays or None
        Arrays that the callback has put aside so far, to be kept with the outcome.
    """

    stop: bool = False
    rate: float | None = None
    weights: list[Floats] | None = None
    early: bool = False
    kept: list[Floats] | None = None


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table: `x` (row, feature), `y` (row, target), `weight` (row,) or None.

    `x` may be of bytes, which programs turn into floats, or still in files.
    """

    x: NDArray[Any] | LazyRows
    y: Floats
    weight: Floats | None = None

    @property
    def streamed(self) -> bool:
        """Whether features are still in files."""
        return isinstance(self.x, LazyRows)

    @property
    def travels(self) -> bool:
        """Whether another machine could read them as well."""
        return not isinstance(self.x, LazyRows) or self.x.travels

    @cached_property
    def digest(self) -> str:
        """Equal for equal rows."""
        return digest_of(self.x, self.y, self.weight)


class Instrument(Protocol):
    """Sees some steps of a member from within, and changes nothing."""

    def next(self, step: int) -> int:
        """Number of the first step from `step` on that shall be probed."""
        ...

    def take(self, step: int, reading: Reading) -> None:
        """Receive the reading of a step."""
        ...


Draw = Callable[[np.random.Generator], list[Floats]]
OnSteps = Callable[[int, Floats], None]
OnEpoch = Callable[[int, Logs, Callable[[], list[Floats]]], Verdict]


_SMALL_BATCH = 32


def fitting_batch(batch_size: int, rows: int) -> int:
    """Return the rows of a compiled batch for a table of `rows`, which one batch may hold.

    Tables of similar length share a size, at most an eighth above their length; small batches stay
    as they are, since another program would cost more than their padding.

    Examples
    --------
    >>> [fitting_batch(32, 500), fitting_batch(10**12, 500), fitting_batch(10**12, 513)]
    [32, 512, 576]
    """
    step = 1 << max(0, (rows - 1).bit_length() - 4)
    return min(batch_size, max(_SMALL_BATCH, -(-rows // step) * step))


@dataclass(frozen=True, eq=False)
class Member:
    """One fit, before it trains.

    Attributes
    ----------
    network : Network
    numbers : tuple of float
        The member's row of the number matrix, as long as `network.columns`.
    units : tuple of int
        Real width of each hidden layer that the network may be narrower in.
    batch_size, epochs : int
    pace : Pace
        The quantities that change from step to step, such as the learning rate.
    initial : list of arrays, or callable
        Initial variables at real width; or `initial(generator)` draws them.
    rows : Rows
        Shared between members where possible; never written to.
    seed : int
        Fixes the initial weights, the order of rows and dropout.
    train : array of int or None
        Which of the rows to train on; None for all.
    validation : Rows or None
    stopping : Stopping or None
        When training ends early; None for never.
    remedy : str
        End of the sentence that says where a training diverged: the setting, if it is known, and
        the remedy.
    on_epoch : callable or None
        `on_epoch(epoch, logs, weights)` after each epoch, where `weights()` gives the current
        variables; gives a `Verdict`. Its `digest`, if it has one that is a text, is equal for those
        that decide the same of equal logs.
    shuffled : bool
        Whether each epoch visits the rows in an order of its own.
    first_epoch : int
        Epoch to start with.
    on_steps : callable or None
        `on_steps(first, losses)` after each chunk: number of its first step, loss of each step.
    instrument : Instrument or None
        Sees chosen steps from within.
    until : int or None
        Epochs after which it pauses, unless it has ended; None trains it to its end. Schedules go
        by `epochs` all the same.
    resumed : Snapshot or None
        Where it goes on; None begins.
    """

    network: Network
    numbers: tuple[float, ...]
    units: tuple[int, ...]
    batch_size: int
    epochs: int
    pace: Pace
    initial: list[Floats] | Draw
    rows: Rows
    seed: int
    train: NDArray[np.intp] | None = None
    validation: Rows | None = None
    stopping: Stopping | None = None
    remedy: str = "."
    on_epoch: OnEpoch | None = None
    shuffled: bool = True
    first_epoch: int = 0
    on_steps: OnSteps | None = None
    instrument: Instrument | None = None
    until: int | None = None
    resumed: Snapshot | None = None

    @property
    def begins(self) -> int:
        """The epoch that it trains first."""
        return self.first_epoch if self.resumed is None else self.resumed.epoch

    @property
    def ends(self) -> int:
        """The epoch that it trains no more, even if it does not stop early."""
        return self.epochs if self.until is None else min(self.until, self.epochs)

    @cached_property
    def size(self) -> int:
        """Number of rows trained on in an epoch."""
        return self.order.size

    @cached_property
    def batch(self) -> int:
        """Rows of a compiled batch: the batch size, or little more than the rows if they are less.

        A batch that is larger than the table costs time and memory for rows that are not there.
        """
        return self.network.fixed_batch or fitting_batch(self.batch_size, self.size)

    @cached_property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in an epoch, the last partial batch included."""
        return -(-self.size // self.batch)

    @cached_property
    def order(self) -> Order:
        """In which order its epochs visit the rows."""
        x = self.rows.x
        blocks = (x.blocks, x.window) if isinstance(x, LazyRows) else ()
        return Order(self.seed, len(x), self.train, self.shuffled, *blocks)

    def generator(self, *stream: int) -> np.random.Generator:
        """The member's own random numbers for one purpose, the same wherever it trains."""
        return generator_of(self.seed, *stream)

    @property
    def noise_seed(self) -> int:
        """The key from which dropout and noise of the member's steps are drawn."""
        return int(self.generator(2).integers(2**32, dtype=np.uint32))

    def initial_variables(self) -> list[Floats]:
        """Initial variables at the member's real widths."""
        return self.initial(self.generator(0)) if callable(self.initial) else self.initial


@dataclass
class Outcome:
    """The outcome of a member; failure is a value.

    Attributes
    ----------
    weights : list of arrays or None
        Variables at real width; None if none were finite.
    history : dict of list
        Per-epoch logs, as Keras names them.
    status : str
        `"finished"`, `"stopped_early"`, `"stopped_by_callback"`, `"diverged"` or `"paused"`.
    best_epoch : int
        Index of the epoch whose weights these are.
    cause : str
        Why training diverged, with the epoch, the step and a remedy.
    snapshot : Snapshot or None
        Where a paused member goes on.
    kept : list of arrays or None
        Arrays that a callback has put aside.
    """

    weights: list[Floats] | None
    history: dict[str, list[float]] = field(default_factory=dict)
    status: str = FINISHED
    best_epoch: int = 0
    cause: str = ""
    snapshot: Snapshot | None = None
    kept: list[Floats] | None = None

    @property
    def epochs(self) -> int:
        """Number of epochs that ran to their end."""
        return len(self.history.get("loss", ()))

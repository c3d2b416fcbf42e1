"""A cohort: fits that train together, from the start of a block to its end."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any

from kohort.cohort.record import Diagnosed, Record
from kohort.cohort.scheduler import Scheduler
from kohort.cohort.tasks import TaskAborted
from kohort.data.interning import Interner
from kohort.data.pixel_store import PixelStore
from kohort.data.recent import Recent
from kohort.engine.executors.base import Census, Executor
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.fit import Fit
from kohort.engine.member import Member, Outcome, Rows
from kohort.engine.memory import available_memory
from kohort.engine.snapshot import Snapshot
from kohort.engine.store import Store
from kohort.engine.times import Times
from kohort.errors import CancelledError

Judge = Callable[[Outcome], Diagnosed]


class Cohort:
    """Fits that train together, from the start of a `with kohort.together():` block to its end.

    Parameters
    ----------
    executor : Executor
        The object that trains the members.
    store : Store or None, default=None
        Results of earlier fits; a member found there is not trained again.
    memory : int or None, default=None
        Bytes of tables that waiting fits may hold together; None for a quarter of the free memory.

    Attributes
    ----------
    given : Executor
    executor : Executor
        The given one, or what asks the store before it.
    record : list of Record
        One entry per fit, in the order in which they were asked for.
    pixels : PixelStore
        Pixels that the fits have read from image files.
    recent : Recent
        Scaled tables of the last folds.
    """

    def __init__(
        self, executor: Executor, store: Store | None = None, memory: int | None = None
    ) -> None:
        self.given, self.store = executor, store
        self.executor = executor if store is None else StoringExecutor(executor, store)
        self._interner = Interner()
        self.pixels, self.recent = PixelStore(), Recent()
        self.scheduler = Scheduler(self.executor, memory or available_memory() // 4)
        self.record: list[Record] = []
        self._paused: weakref.WeakKeyDictionary[Snapshot, tuple[Record, bool]] = (
            weakref.WeakKeyDictionary()
        )
        self.users = 0

    def rows(self, rows: Rows) -> Rows:
        """The table, or an equal one that another fit of the cohort holds already."""
        return self._interner.rows(rows)

    def fit(
        self,
        members: list[Member],
        held: int,
        parameters: dict[str, Any] | None = None,
        judge: Judge | None = None,
    ) -> list[Outcome]:
        """Train the members of one fit with all others, and record it; see `Scheduler.fit`.

        A fit that paused goes on under the record that it has.
        """
        entry, leads = self._entry(members[0], parameters)
        begin = time.perf_counter() - entry.seconds

        def follow(fits: list[Fit]) -> None:
            if leads:
                entry.follow(fits)

        try:
            outcomes = self.scheduler.fit(members, held, follow)
        except BaseException as error:
            entry.status = "failed"
            if isinstance(error, CancelledError | TaskAborted | KeyboardInterrupt):
                entry.status = "cancelled"
            raise
        finally:
            entry.seconds = time.perf_counter() - begin
        for place, outcome in enumerate(outcomes):
            if outcome.snapshot is not None:
                self._paused[outcome.snapshot] = entry, leads and not place
        if not leads:
            return outcomes
        entry.history, entry.best_epoch = outcomes[0].history, outcomes[0].best_epoch
        entry.diagnosis = None if judge is None else judge(outcomes[0])
        entry.status = outcomes[0].status  # Last: a reader takes the rest for final then.
        return outcomes

    def _entry(self, member: Member, parameters: dict[str, Any] | None) -> tuple[Record, bool]:
        """The record of a fit, and whether this is the first of its networks, which it tells of."""
        known = None if member.resumed is None else self._paused.get(member.resumed)
        if known is None:
            known = Record(parameters or {}, steps_per_epoch=member.steps_per_epoch), True
            self.record.append(known[0])
        return known

    def census(self) -> Census:
        """How many fits wait, train and have ended."""
        return self.executor.census()

    @property
    def threads(self) -> int:
        """How many threads train."""
        return self.executor.threads

    def times(self) -> Times:
        """The seconds of the threads that train so far, by activity."""
        return self.executor.times()

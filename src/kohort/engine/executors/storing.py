"""An executor that asks a store before another executor trains, and keeps its results."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from hashlib import sha256

from kohort.engine.content import content_key
from kohort.engine.executors.base import Census, Done, Executor
from kohort.engine.fit import Fit
from kohort.engine.member import DIVERGED, PAUSED, STOPPED_EARLY, Member, Outcome
from kohort.engine.numerics import Numerics
from kohort.engine.saving import INTERVAL, Saving, as_outcome, snapshot_of
from kohort.engine.snapshot import Snapshot
from kohort.engine.store import Store
from kohort.engine.store_writer import StoreWriter
from kohort.engine.times import Times
from kohort.errors import StoreWarning, shown


class StoringExecutor:
    """Gives back results of a store, lets another executor train the rest, and keeps its results.

    The store is asked for a member when it is submitted, and keeps the member's result as soon as
    it has ended, even if nobody waits for it. A member that cannot be kept is trained. A member
    that pauses is kept at each pause, and once it has ended like one that did not pause: its result
    is equal. Members with a callback get no snapshots, and are not kept while they pause.

    Parameters
    ----------
    executor : Executor
        The executor that trains members which the store does not have.
    store : Store
    numerics : callable or None, default=None
        `numerics(member)` names compiler and processor in a text; None for `Numerics()`.
    interval : float, default=60.0
        Seconds that a member trains until it is saved at the end of an epoch, so that another
        process goes on from there; and then again.

    Examples
    --------
    >>> from kohort.engine.executors.inline import InlineExecutor
    >>> from kohort.engine.store import MemoryStore
    >>> StoringExecutor(InlineExecutor(), MemoryStore()).census().found
    0
    """

    def __init__(
        self,
        executor: Executor,
        store: Store,
        numerics: Callable[[Member], str] | None = None,
        interval: float = INTERVAL,
    ) -> None:
        self.executor, self.store, self._interval = executor, store, interval
        self._numerics = numerics or Numerics()
        self._writer = StoreWriter(store)
        self._found: list[str] = []
        self._lock = threading.Lock()
        self._unreadable = False

    @property
    def threads(self) -> int:
        """Number of threads that train."""
        return self.executor.threads

    @property
    def arrivals(self) -> int:
        """Number of members that wait for `start`."""
        return self.executor.arrivals

    @property
    def busy(self) -> bool:
        """Whether any submitted member has not ended."""
        return self.executor.busy

    def submit(self, member: Member, done: Done, saving: Saving | None = None) -> Fit:
        """Queue a member, or call `done` at once if the store knows its outcome.

        `saving` is for a member of which the store takes no snapshots.
        """
        self._complain()
        key = content_key(replace(member, until=None, resumed=None), self._numerics(member))
        if key is None:
            return self.executor.submit(member, done, saving)
        outcome = self._known(key)
        if outcome is None or not _has_ended(outcome, member.until):
            outcome = self._paused(member, key)
        if outcome is None:
            goes_on = self._going_on(member, key)
            if member.on_epoch is None:
                saved = int(goes_on is not member)
                saving = Saving(partial(self._save, key), self._interval, saved)
            return self.executor.submit(goes_on, partial(self._keep, key, done), saving)
        with self._lock:
            self._found.append(outcome.status)
        fit = Fit.ended(member, outcome)
        done(fit)
        return fit

    def start(self, fits: Collection[Fit] | None = None) -> None:
        """Let the given fits train (default: all that wait)."""
        self.executor.start(fits)

    def relieve(self) -> None:
        """Help fits that wait while nobody trains."""
        self.executor.relieve()

    def cancel(self, fits: Collection[Fit] | None = None) -> None:
        """End the given fits (default: all) with `CancelledError`; kept results stay."""
        self.executor.cancel(fits)

    def join(self, seconds: float | None = None) -> None:
        """Wait until the threads that train have ended, and until their results are kept."""
        self.executor.join(seconds)
        self._writer.close()
        self._complain()

    def census(self) -> Census:
        """How many members wait, train and have ended, those found in the store among them."""
        trained = self.executor.census()
        with self._lock:
            found = list(self._found)
        return replace(
            trained,
            submitted=trained.submitted + len(found),
            ended=trained.ended + len(found),
            stopped_early=trained.stopped_early + found.count(STOPPED_EARLY),
            diverged=trained.diverged + found.count(DIVERGED),
            progress=trained.progress + len(found),
            found=len(found),
        )

    def times(self) -> Times:
        """The seconds of the threads that train so far, by activity."""
        return self.executor.times()

    def _known(self, key: str) -> Outcome | None:
        try:
            return self.store.get(key)
        except Exception as error:  # A search goes on when its store fails.
            if not self._unreadable:
                self._unreadable = True
                _warn(f"The store {shown(self.store)} cannot be read ({error}); fits are trained.")
            return None

    def _keep(self, key: str, done: Done, fit: Fit) -> None:
        result = fit.result
        if result is not None and fit.error is None and fit.exact:
            if result.status != PAUSED:
                saved = fit.saving is not None and fit.saving.count
                self._writer.put(key, result, instead_of=[_saved(key)] if saved else ())
            elif result.snapshot is not None and fit.member.on_epoch is None:
                kept = replace(as_outcome(result.snapshot), kept=result.weights)
                self._writer.put(_paused_at(key, fit.member.until), kept)
        done(fit)

    def _save(self, key: str, snapshot: Snapshot) -> None:
        self._writer.put(_saved(key), as_outcome(snapshot), instead_of=[_saved(key)])

    def _paused(self, member: Member, key: str) -> Outcome | None:
        """The outcome of a member that has paused after as many epochs before."""
        known = member.until is not None and member.on_epoch is None
        saved = self._known(_paused_at(key, member.until)) if known else None
        if saved is None or saved.status != PAUSED:
            return None
        snapshot = snapshot_of(saved, member)
        return replace(saved, weights=saved.kept, kept=None, cause="", snapshot=snapshot)

    def _going_on(self, member: Member, key: str) -> Member:
        """The member, from where another process has left it if it has."""
        known = member.resumed is not None or member.on_epoch is not None
        saved = None if known else self._known(_saved(key))
        if saved is None or saved.status != PAUSED:
            return member
        snapshot = snapshot_of(saved, member)
        return replace(member, resumed=snapshot) if snapshot.epoch < member.ends else member

    def _complain(self) -> None:
        """Tell, in a thread that waits for fits, of faults in the thread that writes."""
        if trouble := self._writer.trouble():
            _warn(trouble)


def _saved(key: str) -> str:
    """The key of a member's snapshot."""
    return sha256(f"{key} saved".encode()).hexdigest()


def _paused_at(key: str, until: int | None) -> str:
    """The key of a member that has paused after a number of epochs."""
    return sha256(f"{key} until {until}".encode()).hexdigest()


def _has_ended(outcome: Outcome, until: int | None) -> bool:
    """Whether a member with this outcome has ended by the end of a given epoch."""
    begun = outcome.epochs + (outcome.status == DIVERGED)
    return until is None or begun <= until


def _warn(text: str) -> None:
    warnings.warn(text, StoreWarning, stacklevel=3)

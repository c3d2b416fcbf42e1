"""Fits of threads that are no tasks, such as those that Optuna starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from kohort.engine.executors.base import Executor, outcome_of, submit_all
from kohort.engine.fit import Fit
from kohort.engine.member import Member, Outcome

_PATIENCE = 0.05  # Seconds without an arrival before fits train.
_MOST_PATIENCE = 1.0
_TICK = 0.5  # Windows sees Ctrl-C only between two waits.


class PlainThreads:
    """Gathers the fits that arrive within a moment, so that they train together.

    Parameters
    ----------
    executor : Executor
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._last_arrival = 0.0

    def fit(self, members: list[Member], submitted: Callable[[list[Fit]], None]) -> list[Outcome]:
        """Train the members of the calling thread's fit; see `Scheduler.fit`."""
        ended = threading.Event()
        self._last_arrival = time.monotonic()
        fits = submit_all(self._executor, members, ended.set)
        submitted(fits)
        try:
            if threading.current_thread() is not threading.main_thread():
                self._gather(ended)
            self._executor.start()
            while not ended.wait(_TICK):
                self._executor.relieve()
        except BaseException:
            self._executor.cancel(fits)
            raise
        return [outcome_of(fit) for fit in fits]

    def _gather(self, ended: threading.Event) -> None:
        """Wait until no fit has arrived for a moment."""
        latest = time.monotonic() + _MOST_PATIENCE
        while True:
            now = time.monotonic()
            left = min(self._last_arrival + _PATIENCE, latest) - now
            if left <= 0 or ended.wait(left):
                return

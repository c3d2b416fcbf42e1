"""A watch over tasks that wait for one another: no search stands still for ever.

An estimator whose `fit` holds a lock around an inner fit parks with the lock; the next task waits
for it, and no fit trains, for it might hand over another one. After a patience what waits trains,
and parked tasks go on beside the one that stands still.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from kohort.cohort.stuck import Standing, standing
from kohort.cohort.tasks import Task
from kohort.engine.executors.base import Executor

_LOOK = 0.1  # Seconds between two looks.
_LOCKED = 0.25  # Seconds that a task may wait for a lock.
_LONG = 5.0  # Seconds that a task may take for anything else while others wait.


class Watched(Protocol):
    """The scheduler, as its watch sees it."""

    executor: Executor

    @property
    def idle(self) -> bool:
        """Whether no task is left."""
        ...

    @property
    def resumable(self) -> bool:
        """Whether a parked task could go on."""
        ...

    def running(self) -> list[Task]:
        """Tasks that run."""
        ...

    def set_aside(self, task: Task) -> None:
        """Let others go on beside a task."""
        ...


class Watch:
    """Looks at the tasks of a scheduler from a thread of its own, for as long as there are any."""

    def __init__(self, scheduler: Watched) -> None:
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Look from now on; without a thread for it, searches go on unwatched."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="kohort-watch", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return
                self._thread = thread

    def _run(self) -> None:
        seen: dict[Task, Standing] = {}
        while True:
            time.sleep(_LOOK)
            with self._lock:
                if self._scheduler.idle:
                    self._thread = None
                    return
            now: dict[Task, Standing] = {}
            for task in self._scheduler.running():
                where = standing(task.thread, seen.get(task))
                if where is not None:
                    now[task] = where
                    self._judge(task, where)
            seen = now

    def _judge(self, task: Task, where: Standing) -> None:
        locked = where.locked and where.seconds > _LOCKED
        if not locked and time.monotonic() - task.since < _LONG:
            return
        if self._scheduler.executor.arrivals:
            self._scheduler.executor.start()
        if self._scheduler.resumable and not (where.inside and task.call.hub is not None):
            self._scheduler.set_aside(task)

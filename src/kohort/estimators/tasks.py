"""Tasks: functions in threads of which only a few run Python at a time, and the rest are parked.

A task runs until it hands a fit over or waits for tasks of its own; then it parks and the next
starts. When no task can go on, the fits that were handed over train as one cohort. One runner at a
time (the default) makes a search as sequential, and as reproducible, as it is without kohort.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kohort.engine.executors import Executor, outcome_of
from kohort.engine.fit import Fit
from kohort.engine.member import Member, Outcome
from kohort.errors import CancelledError
from kohort.estimators import warning_state

_MOST_THREADS = 1024
_PATIENCE = 0.05  # Seconds without an arrival before fits of foreign threads train.


class TaskAborted(BaseException):
    """Unwinds a parked task whose search was interrupted; no `except Exception` may catch it."""


@dataclass(eq=False)
class Task:
    """One call of a function, in a thread of its own."""

    function: Callable[[], Any]
    callback: Callable[[Any], Any]
    owner: object
    parent: Task | None
    depth: int
    wake: threading.Event = field(default_factory=threading.Event)
    aborted: bool = False
    fit: Fit | None = None
    held: int = 0
    value: Any = None
    error: BaseException | None = None

    def belongs_to(self, owner: object) -> bool:
        """Whether `owner` submitted this task or one that it works for."""
        task: Task | None = self
        while task is not None:
            if task.owner is owner:
                return True
            task = task.parent
        return False


class Scheduler:
    """Runs tasks, parks them while their fits train, and decides when the cohort trains.

    Parameters
    ----------
    executor : Executor
    memory : int
        Bytes of tables that parked tasks may hold together before no further task is started.
    """

    def __init__(self, executor: Executor, memory: int) -> None:
        self.executor = executor
        self._memory = memory
        self._lock = threading.RLock()
        self._local = threading.local()
        self._pending: list[deque[Task]] = []
        self._resumable: deque[Task] = deque()
        self._tasks: set[Task] = set()
        self._running = 0
        self._held = 0
        self._arrived = 0
        self.concurrency = 1

    @property
    def current(self) -> Task | None:
        """The task that the calling thread runs, if any."""
        return getattr(self._local, "task", None)

    def submit(
        self, function: Callable[[], Any], callback: Callable[[Any], Any], owner: object
    ) -> Task:
        """Queue a task; it starts when `pump` finds room for it."""
        parent = self.current
        task = Task(function, callback, owner, parent, 0 if parent is None else parent.depth + 1)
        with self._lock:
            while len(self._pending) <= task.depth:
                self._pending.append(deque())
            self._pending[task.depth].append(task)
        return task

    def pump(self) -> None:
        """Let tasks run while there is room; when none can, let the cohort train."""
        with self._lock:
            while self._running < self.concurrency:
                if self._resumable:
                    task = self._resumable.popleft()
                    self._running += 1
                    task.wake.set()
                elif (next_task := self._startable()) is not None:
                    self._running += 1
                    self._tasks.add(next_task)
                    threading.Thread(target=self._run, args=(next_task,), daemon=True).start()
                else:
                    break
            if not self._running and self.executor.arrivals:
                self.executor.start()

    def _startable(self) -> Task | None:
        """The next pending task, innermost first, if threads and memory allow it."""
        queue = next((queue for queue in reversed(self._pending) if queue), None)
        if queue is None:
            return None
        stuck = not self._running and not self.executor.busy
        roomy = len(self._tasks) < _MOST_THREADS and self._held < self._memory
        return queue.popleft() if roomy or stuck else None

    def _run(self, task: Task) -> None:
        self._local.task = task
        filters = warning_state.capture()
        try:
            task.value = task.function()
        except BaseException as error:
            task.error = error
        finally:
            if self.concurrency == 1:
                warning_state.restore(filters)
        try:
            task.callback(task)
        finally:
            with self._lock:
                self._tasks.discard(task)
                self._held -= task.held
                self._running -= 1
            self.pump()

    def _park(self, task: Task, ready: Callable[[], None] | None = None) -> None:
        """Give up the right to run until `wake`."""
        filters = warning_state.capture()
        task.wake.clear()
        if ready is not None:
            ready()
        with self._lock:
            self._running -= 1
        self.pump()
        task.wake.wait()
        if self.concurrency == 1:
            warning_state.restore(filters)
        if task.aborted:
            raise TaskAborted

    def _resume(self, task: Task) -> None:
        with self._lock:
            self._resumable.append(task)
        self.pump()

    def fit(self, member: Member, held: int) -> Outcome:
        """Train a member with the cohort; called from the thread that needs it.

        Parameters
        ----------
        member : Member
        held : int
            Bytes of tables that the caller keeps alive while it waits.
        """
        task = self.current
        if task is None:
            return self._fit_foreign(member)
        with self._lock:
            task.held += held
            self._held += held
        parked = task

        def hand_over() -> None:
            parked.fit = self.executor.submit(member, lambda fit: self._resume(parked))

        self._park(task, hand_over)
        assert task.fit is not None
        fit, task.fit = task.fit, None
        return outcome_of(fit)

    def _fit_foreign(self, member: Member) -> Outcome:
        """A thread that is no task: train once nobody else has arrived for a moment."""
        ended = threading.Event()
        with self._lock:
            self._arrived += 1
        fit = self.executor.submit(member, lambda fit: ended.set())
        alone = threading.current_thread() is threading.main_thread()
        seen = self._arrived
        try:
            while not ended.wait(0 if alone else _PATIENCE):
                if (alone or seen == self._arrived) and not self._running:
                    self.executor.start()
                    alone = False
                seen = self._arrived
        except BaseException:
            self.executor.cancel({fit})
            raise
        return outcome_of(fit)

    def waiting(self) -> _Waiting:
        """Context in which the calling task waits for tasks of its own (joblib's retrieval)."""
        return _Waiting(self)

    def abort(self, owner: object) -> None:
        """Drop the tasks that `owner` submitted, and everything below them."""
        with self._lock:
            for queue in self._pending:
                kept = [task for task in queue if not task.belongs_to(owner)]
                queue.clear()
                queue.extend(kept)
            doomed = [task for task in self._tasks if task.belongs_to(owner)]
            for task in doomed:
                task.aborted = True
            fits = {task.fit for task in doomed if task.fit is not None}
        self.executor.cancel(fits)

    def close(self, seconds: float = 5.0) -> None:
        """Abort whatever is left and wait a while for its threads."""
        with self._lock:
            left = list(self._tasks)
            for queue in self._pending:
                queue.clear()
            for task in left:
                task.aborted = True
        self.executor.cancel()
        pause = threading.Event()
        for _ in range(int(seconds / 0.01)):
            if not self._tasks:
                break
            pause.wait(0.01)


class _Waiting:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def __enter__(self) -> None:
        scheduler, task = self._scheduler, self._scheduler.current
        if task is not None:
            self._filters = warning_state.capture()
            task.wake.clear()
            with scheduler._lock:
                scheduler._running -= 1
        scheduler.pump()

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        scheduler, task = self._scheduler, self._scheduler.current
        if task is None:
            return
        scheduler._resume(task)
        task.wake.wait()
        if scheduler.concurrency == 1:
            warning_state.restore(self._filters)


def value_of(task: Task) -> Any:
    """The result of an ended task, or the error that ended it."""
    if isinstance(task.error, TaskAborted):
        raise CancelledError("The search was interrupted.")
    if task.error is not None:
        raise task.error
    return task.value

"""Tasks, which are functions that may be parked, and the calls that they belong to."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent

from kohort.cohort.hub import Hub
from kohort.cohort.surroundings import Randomness, Surroundings
from kohort.engine.fit import Fit
from kohort.errors import CancelledError


class TaskAborted(BaseException):
    """Unwinds a parked task whose search was interrupted; no `except Exception` may catch it."""


@dataclass(eq=False)
class Call:
    """The tasks that one driver submits and waits for, such as those of a `joblib.Parallel` call.

    Attributes
    ----------
    parent : Task or None
        The task that drives the call; None for a thread that is no task.
    concurrency : int
        How many tasks may run Python at once while the call is open.
    streams : bool
        Whether the driver goes on while tasks run.
    hub : Hub or None
        Runs the tasks in the driver's own thread; None gives each a thread of its own.
    surroundings, context, randomness
        Warning filters and the like, context variables and random numbers of the driver, which
        its tasks start with.
    unfinished : int
        Tasks that were submitted and have not ended.
    last : int
        Number of the latest task that has ended; `randomness` is what it left.
    settled : threading.Event
        Set when there is nothing left to wait for: all tasks ended, or one failed.
    empty : threading.Event
        Set when no task is unfinished.
    """

    parent: Task | None
    concurrency: int
    streams: bool = False
    hub: Hub | None = None
    surroundings: Surroundings = field(default_factory=Surroundings.now)
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    randomness: Randomness = field(default_factory=Randomness.now)
    submitted: int = 0
    unfinished: int = 0
    last: int = -1
    parent_waits: bool = False
    aborted: bool = False
    error: BaseException | None = None
    settled: threading.Event = field(default_factory=threading.Event)
    empty: threading.Event = field(default_factory=threading.Event)

    @property
    def root(self) -> Call:
        """The outermost call that this one works for."""
        return self if self.parent is None else self.parent.call.root

    @property
    def depth(self) -> int:
        """How many tasks this call is nested in."""
        return 0 if self.parent is None else self.parent.call.depth + 1

    def works_for(self, other: Call) -> bool:
        """Whether this call is `other` or is nested in one of its tasks."""
        return self is other or (self.parent is not None and self.parent.call.works_for(other))


@dataclass(eq=False)
class Task:
    """One call of a function, in a greenlet of the driver's thread or in a thread of its own."""

    function: Callable[[], Any] | None
    callback: Callable[[Any], Any]
    call: Call
    number: int
    awake: threading.Event = field(default_factory=threading.Event)
    thread: int = 0
    since: float = 0.0
    aborted: bool = False
    fits: list[Fit] = field(default_factory=list)
    held: int = 0
    value: Any = None
    error: BaseException | None = None

    def wake(self) -> None:
        """Let the task go on, in its own thread, when that comes to it."""
        if self.call.hub is None:
            self.awake.set()
        else:
            self.call.hub.post(self)

    def sleep(self) -> None:
        """Stop, in the task's own thread, until `wake` is called."""
        if self.call.hub is None:
            self.awake.wait()
            self.awake.clear()
        else:
            self.call.hub.leave()


def current_task() -> Task | None:
    """The task that the caller runs in, if any."""
    task: Task | None = getattr(getcurrent(), "kohort_task", None)
    return task


def enter(task: Task | None) -> None:
    """Note that the caller's greenlet, which every thread has, runs a task from now on."""
    getcurrent().kohort_task = task  # type: ignore[attr-defined]


def value_of(task: Task) -> Any:
    """The result of an ended task, or the error that ended it."""
    if isinstance(task.error, TaskAborted):
        raise CancelledError("The search was interrupted.")
    if task.error is not None:
        raise task.error
    return task.value

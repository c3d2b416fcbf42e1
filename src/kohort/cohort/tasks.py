"""Tasks, which are functions in threads that may be parked, and the calls that they belong to."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kohort.cohort import warning_state
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
    filters, context
        Warning filters and context variables of the driver, which its tasks start with.
    unfinished : int
        Tasks that were submitted and have not ended.
    settled : threading.Event
        Set when there is nothing left to wait for: all tasks ended, or one failed.
    empty : threading.Event
        Set when no task is unfinished.
    """

    parent: Task | None
    concurrency: int
    filters: warning_state.State = field(default_factory=warning_state.capture)
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    unfinished: int = 0
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
    """One call of a function, in a thread of its own."""

    function: Callable[[], Any] | None
    callback: Callable[[Any], Any]
    call: Call
    filters: warning_state.State
    wake: threading.Event = field(default_factory=threading.Event)
    aborted: bool = False
    fits: list[Fit] = field(default_factory=list)
    held: int = 0
    value: Any = None
    error: BaseException | None = None


def value_of(task: Task) -> Any:
    """The result of an ended task, or the error that ended it."""
    if isinstance(task.error, TaskAborted):
        raise CancelledError("The search was interrupted.")
    if task.error is not None:
        raise task.error
    return task.value

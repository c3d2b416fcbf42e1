"""A hub runs tasks as greenlets of one thread, the driver's own, one at a time.

The tasks share everything that belongs to the calling thread (a connection of sqlite3,
`signal.alarm`, `threading.local`), as they do when scikit-learn runs them one after another.

A task that waits for a lock which a parked task holds would stop the thread, and both with it. A
signal that nothing else uses wakes it: its handler leaves the task in the midst of its waiting and
lets the other one go on. Only a main thread has signals; drivers in other threads, and Windows,
have tasks in threads.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Hashable
from types import FrameType

from greenlet import getcurrent, greenlet

from kohort.cohort.stuck import inside

_TICK = 0.2  # Seconds between two looks at changes that nobody announces.
_SIGNAL = getattr(signal, "SIGURG", None)  # Ignored by default, and by everyone.


class Hub:
    """Runs what is posted to it, each in a greenlet of the thread that called `run`.

    Parameters
    ----------
    work : callable
        `work(task)` runs a task; called in its greenlet.
    interrupted : callable
        `interrupted(task)` is called in the greenlet of a task that `interrupt` was called for.
    tick : callable
        Called now and then while nothing is ready.
    """

    def __init__(
        self,
        work: Callable[[Hashable], None],
        interrupted: Callable[[Hashable], None],
        tick: Callable[[], None],
    ) -> None:
        self._work, self._interrupted, self._tick = work, interrupted, tick
        self._ready: deque[Hashable] = deque()
        self._posted = threading.Event()
        self._greenlets: dict[Hashable, greenlet] = {}
        self._own = getcurrent()
        self._wanted: Hashable | None = None
        self.thread = threading.get_ident()
        self.running: Hashable | None = None

    @staticmethod
    def possible() -> bool:
        """Whether the calling thread can have a hub."""
        return (
            _SIGNAL is not None
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(_SIGNAL) in (signal.SIG_DFL, signal.SIG_IGN, _SIGNAL)
        )

    def post(self, task: Hashable) -> None:
        """Let a task start, or go on; any thread may call this."""
        self._ready.append(task)
        self._posted.set()

    def leave(self) -> None:
        """Stop the calling task until it is posted again."""
        self._own.switch()

    def run(self, over: Callable[[], bool]) -> None:
        """Run tasks until `over()` is true; called in the driver's thread."""
        self._own = getcurrent()
        assert _SIGNAL is not None
        before = signal.signal(_SIGNAL, self._on_signal)
        try:
            while not over():
                self._posted.clear()
                if self._ready:
                    self._switch(self._ready.popleft())
                else:
                    self._posted.wait(_TICK)
                    self._tick()
        finally:
            signal.signal(_SIGNAL, before)

    def _switch(self, task: Hashable) -> None:
        if task not in self._greenlets:
            self._greenlets[task] = greenlet(self._work, self._own)
        one = self._greenlets[task]
        one.parent = self._own
        self.running = task
        try:
            one.switch(task) if not one else one.switch()
        finally:
            self.running = None
            if one.dead:
                del self._greenlets[task]

    def interrupt(self, task: Hashable) -> None:
        """Call `interrupted(task)` in the task's greenlet, if it runs; any thread may call this."""
        self._wanted = task
        assert _SIGNAL is not None
        signal.pthread_kill(self.thread, _SIGNAL)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        wanted, self._wanted = self._wanted, None
        runs = wanted is not None and self._greenlets.get(wanted) is getcurrent()
        if runs and not inside(frame):  # The task may have gone on since.
            self._interrupted(wanted)

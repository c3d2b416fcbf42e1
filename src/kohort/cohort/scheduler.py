"""The scheduler: of many tasks in threads only a few run Python at a time, the rest are parked.

A task runs until it hands a fit over or waits for tasks of its own; then it parks and the next
starts. When no task can go on, the fits that were handed over train as one cohort. One runner at a
time (the default) makes a search as sequential, and as reproducible, as it is without kohort.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from kohort.cohort import warning_state
from kohort.cohort.tasks import Call, Task, TaskAborted
from kohort.engine.executors.base import Executor, outcome_of
from kohort.engine.fit import Fit
from kohort.engine.member import Member, Outcome

_MOST_THREADS = 1024
_PATIENCE = 0.05  # Seconds without an arrival before fits of plain threads train.
_MOST_PATIENCE = 1.0
_PARTING = 5.0  # Seconds that an interrupted search waits for its threads.
_TICK = 0.5  # Windows sees Ctrl-C only between two waits.


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
        self._calls: set[Call] = set()
        self._pending: list[deque[Task]] = []
        self._resumable: deque[Task] = deque()
        self._tasks: set[Task] = set()
        self._running = 0
        self._held = 0
        self._most_threads = _MOST_THREADS
        self._concurrency = 1
        self._last_arrival = 0.0

    @property
    def current(self) -> Task | None:
        """The task that the calling thread runs, if any."""
        return getattr(self._local, "task", None)

    def open(self, concurrency: int = 1) -> Call:
        """Begin a call, driven by the calling thread; `close_call` ends it."""
        call = Call(self.current, concurrency)
        with self._lock:
            self._calls.add(call)
            self._concurrency = max(call.concurrency for call in self._calls)
        return call

    def submit(
        self, call: Call, function: Callable[[], Any], callback: Callable[[Any], Any]
    ) -> Task:
        """Queue a task; it starts when `pump` finds room for it, or never if the call is over."""
        task = Task(function, callback, call, call.filters)
        with self._lock:
            if call.aborted or (call.parent is not None and call.parent.aborted):
                return task
            while len(self._pending) <= call.depth:
                self._pending.append(deque())
            self._pending[call.depth].append(task)
            call.unfinished += 1
            call.settled.clear()
            call.empty.clear()
        return task

    def wait(self, call: Call) -> None:
        """Wait, in the driver's thread, until all tasks of a call have ended or one has failed."""
        task = call.parent
        if task is None:
            self.pump()
            while call.unfinished and not call.settled.wait(_TICK):
                pass
        else:
            with self._lock:
                waits = not call.settled.is_set() and call.unfinished > 0
                if waits:
                    task.wake.clear()
                    call.parent_waits = True
            if waits:
                self._park(task)
            if task.aborted:
                raise TaskAborted
        if call.error is not None:
            raise call.error

    def close_call(self, call: Call) -> None:
        """End a call; tasks that are still there are aborted and waited for, but not for ever."""
        try:
            if call.unfinished:
                self.abort(call)
                self._see_off(call)
        finally:
            with self._lock:
                self._calls.discard(call)
                alone = self._concurrency == 1
                self._concurrency = max((call.concurrency for call in self._calls), default=1)
            if alone or call.parent is None:
                warning_state.restore(call.filters)

    def _see_off(self, call: Call) -> None:
        """Wait for the tasks of an aborted call to unwind, letting them run meanwhile."""
        task = call.parent
        if task is None:
            self.pump()
            call.empty.wait(_PARTING)
            return
        with self._lock:
            task.wake.clear()
            self._running -= 1
        self.pump()
        call.empty.wait(_PARTING)
        self._resume(task)
        task.wake.wait()

    def pump(self) -> None:
        """Let tasks run while there is room; when none can, let the cohort train."""
        with self._lock:
            while self._running < self._concurrency:
                if self._resumable:
                    self._running += 1
                    self._resumable.popleft().wake.set()
                elif (task := self._startable()) is None or not self._start(task):
                    break
            if not self._running and self.executor.arrivals:
                self.executor.start()

    def _startable(self) -> Task | None:
        """The next pending task, innermost first, if threads and memory allow it."""
        queue = next((queue for queue in reversed(self._pending) if queue), None)
        if queue is None:
            return None
        stuck = not self._running and not self.executor.busy
        roomy = len(self._tasks) < self._most_threads and self._held < self._memory
        return queue.popleft() if roomy or stuck else None

    def _start(self, task: Task) -> bool:
        """Give a task a thread; false if the system has none left."""
        thread = threading.Thread(target=self._work, args=(task,), name="kohort-task", daemon=True)
        self._running += 1
        self._tasks.add(task)
        try:
            thread.start()
        except RuntimeError as error:
            self._running -= 1
            self._tasks.discard(task)
            self._pending[task.call.depth].appendleft(task)
            self._most_threads = max(1, len(self._tasks))
            if not self._tasks:
                task.call.error = error
                self._settle(task.call)
            return False
        return True

    def _work(self, task: Task) -> None:
        """One thread: run a task, and then others for as long as none waits to go on."""
        following: Task | None = task
        while following is not None:
            self._run(following)
            following = self._leave(following)

    def _run(self, task: Task) -> None:
        call, function = task.call, task.function
        task.function = None
        self._local.task = task
        self._install(task.filters)
        try:
            assert function is not None
            task.value = call.context.copy().run(function)
        except BaseException as error:
            task.error = error
        del function
        self._install(call.root.filters)
        try:
            task.callback(task)
        except BaseException as error:
            call.error = error  # The driver, which would wait for ever, raises it.

    def _leave(self, task: Task) -> Task | None:
        """Account for the end of a task; the task that its thread shall run next, if any."""
        call, following = task.call, None
        self._local.task = None
        if task.error is not None or call.error is not None:
            self.abort(call)
        with self._lock:
            self._tasks.discard(task)
            self._held -= task.held
            self._running -= 1
            call.unfinished -= 1
            if not call.unfinished:
                call.empty.set()
                self._settle(call)
            if not self._resumable and self._running < self._concurrency:
                following = self._startable()
            if following is not None:
                self._running += 1
                self._tasks.add(following)
        self.pump()
        return following

    def _settle(self, call: Call) -> None:
        """Tell the driver of a call that it need not wait any longer; the lock is held."""
        call.settled.set()
        if call.parent_waits and call.parent is not None:
            call.parent_waits = False
            self._resumable.append(call.parent)

    def _install(self, filters: warning_state.State) -> None:
        """Make warning filters current, where no other task runs that would see them change."""
        if self._concurrency == 1:
            warning_state.restore(filters)

    def _park(self, task: Task) -> None:
        """Give up the right to run until somebody makes the task resumable and its turn comes."""
        task.filters = warning_state.capture()
        self._install(task.call.root.filters)
        with self._lock:
            self._running -= 1
        self.pump()
        task.wake.wait()
        self._install(task.filters)
        if task.aborted:
            raise TaskAborted

    def _resume(self, task: Task) -> None:
        with self._lock:
            self._resumable.append(task)
        self.pump()

    def fit(
        self, members: list[Member], held: int, submitted: Callable[[list[Fit]], None]
    ) -> list[Outcome]:
        """Train members with the cohort; called from the thread that needs them.

        Parameters
        ----------
        members : list of Member
        held : int
            Bytes of tables that the caller keeps alive while it waits.
        submitted : callable
            Is given the fits once they wait for training.
        """
        task = self.current
        if task is None:
            return self._fit_outside(members, submitted)
        if task.aborted:
            raise TaskAborted
        task.wake.clear()
        fits = self._submit_all(members, lambda: self._resume(task))
        submitted(fits)
        with self._lock:
            self._held += max(held, task.held) - task.held
            task.held = max(held, task.held)
            task.fits = fits
            aborted = task.aborted
        if aborted:  # The abort may have come too early to see these fits.
            self.executor.cancel(set(fits))
        self._park(task)
        task.fits = []
        return [outcome_of(fit) for fit in fits]

    def _submit_all(self, members: list[Member], ended: Callable[[], None]) -> list[Fit]:
        """Queue members; `ended` is called once, when the last of them has ended."""
        left = len(members)

        def done(fit: Fit) -> None:
            nonlocal left
            with self._lock:
                left -= 1
                last = not left
            if last:
                ended()

        return [self.executor.submit(member, done) for member in members]

    def _fit_outside(
        self, members: list[Member], submitted: Callable[[list[Fit]], None]
    ) -> list[Outcome]:
        """Train the fits of a thread that is no task, such as one of Optuna's."""
        ended = threading.Event()
        self._last_arrival = time.monotonic()
        fits = self._submit_all(members, ended.set)
        submitted(fits)
        try:
            if threading.current_thread() is not threading.main_thread():
                self._gather(ended)
            self.executor.start()
            while not ended.wait(_TICK):
                pass
        except BaseException:
            self.executor.cancel(set(fits))
            raise
        return [outcome_of(fit) for fit in fits]

    def _gather(self, ended: threading.Event) -> None:
        """Wait until no fit of a plain thread has arrived for a moment."""
        latest = time.monotonic() + _MOST_PATIENCE
        while True:
            now = time.monotonic()
            left = min(self._last_arrival + _PATIENCE, latest) - now
            if left <= 0 or ended.wait(left):
                return

    def abort(self, call: Call) -> None:
        """Drop the tasks of a call, and everything below them; parked ones unwind."""
        with self._lock:
            if call.aborted:
                return
            call.aborted = True
            for queue in self._pending:
                for task in [task for task in queue if task.call.works_for(call)]:
                    queue.remove(task)
                    task.call.unfinished -= 1
                    if not task.call.unfinished:
                        task.call.empty.set()
            doomed = [task for task in self._tasks if task.call.works_for(call)]
            for task in doomed:
                task.aborted = True
            for other in self._calls:
                if other.works_for(call):
                    self._settle(other)
            fits = {fit for task in doomed for fit in task.fits}
        self.executor.cancel(fits)
        self.pump()

    def close(self) -> None:
        """Abort whatever is left and wait a while for its threads."""
        with self._lock:
            roots = [call for call in self._calls if call.parent is None]
        for call in roots:
            self.abort(call)
        self.executor.cancel()
        self.pump()
        deadline = time.monotonic() + _PARTING
        while self._tasks - {self.current} and time.monotonic() < deadline:
            time.sleep(0.002)
        self.executor.join(max(0.1, deadline - time.monotonic()))

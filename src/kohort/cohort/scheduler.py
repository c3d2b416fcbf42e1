"""The scheduler: of many tasks only a few run Python at a time, the rest are parked.

A task runs until it hands a fit over or waits for tasks of its own; then it parks and the next
starts. When no task can go on, the fits that were handed over train as one cohort. One runner at a
time (the default) makes a search as sequential, and as reproducible, as it is without kohort: its
tasks are greenlets of the driver's own thread. Where several may run at once, or the driver goes
on meanwhile, each task has a thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

from kohort.cohort.hub import Hub
from kohort.cohort.plain_threads import PlainThreads
from kohort.cohort.surroundings import Randomness, Surroundings
from kohort.cohort.tasks import Call, Task, TaskAborted, current_task, enter
from kohort.cohort.watch import Watch
from kohort.engine.executors.base import Executor, outcome_of, submit_all
from kohort.engine.fit import Fit
from kohort.engine.member import Member, Outcome

_MOST_TASKS = 1024
_TASKS_PER_THREAD = 8  # On a cluster: one trains, others are on their way.
_PARTING = 5.0  # Seconds that an interrupted search waits for its tasks.
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
        self._calls: set[Call] = set()
        self._pending: list[deque[Task]] = []
        self._resumable: deque[Task] = deque()
        self._tasks: set[Task] = set()
        self._active: set[Task] = set()
        self._held = 0
        self._most_tasks = max(_MOST_TASKS, _TASKS_PER_THREAD * executor.threads)
        self._concurrency = 1
        self._plain_threads = PlainThreads(executor)
        self._watch = Watch(self)

    def open(self, concurrency: int = 1, streams: bool = False) -> Call:
        """Begin a call, driven by the calling thread; `close_call` ends it.

        Parameters
        ----------
        concurrency : int
            How many tasks may run Python at once.
        streams : bool
            Whether the driver goes on while tasks run.
        """
        call = Call(current_task(), concurrency, streams)
        if concurrency == 1 and not streams:
            if call.parent is not None:
                call.hub = call.parent.call.hub
            elif Hub.possible():
                call.hub = Hub(self._work, self._yield, self.executor.relieve)
        with self._lock:
            self._calls.add(call)
            self._concurrency = max(call.concurrency for call in self._calls)
        return call

    def submit(
        self, call: Call, function: Callable[[], Any], callback: Callable[[Any], Any]
    ) -> Task:
        """Queue a task; it starts when `pump` finds room for it, or never if the call is over."""
        task = Task(function, callback, call, call.submitted)
        with self._lock:
            if call.aborted or (call.parent is not None and call.parent.aborted):
                return task
            while len(self._pending) <= call.depth:
                self._pending.append(deque())
            self._pending[call.depth].append(task)
            call.submitted += 1
            call.unfinished += 1
            call.settled.clear()
            call.empty.clear()
        return task

    def wait(self, call: Call) -> None:
        """Wait, as the call's driver, until all its tasks have ended or one has failed."""
        task = call.parent
        if task is None:
            self.pump()
            self._attend(call, lambda: not call.unfinished or call.settled.is_set())
        else:
            with self._lock:
                waits = not call.settled.is_set() and call.unfinished > 0
                call.parent_waits = waits
            if waits:
                self._park(task)
            if task.aborted:
                raise TaskAborted
        if call.error is not None:
            raise call.error

    def _attend(self, call: Call, over: Callable[[], bool]) -> None:
        """Be there, as the driver of an outermost call, until `over()` is true."""
        if call.hub is not None:
            call.hub.run(over)
        while not over():
            call.settled.wait(_TICK)
            self.executor.relieve()

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
                call.surroundings.restore()
            if call.last >= 0:
                call.randomness.restore()

    def _see_off(self, call: Call) -> None:
        """Wait for the tasks of an aborted call to unwind, letting them run meanwhile."""
        task, deadline = call.parent, time.monotonic() + _PARTING
        if task is None:
            self.pump()
            if call.hub is not None:
                call.hub.run(lambda: not call.unfinished or time.monotonic() > deadline)
            else:
                call.empty.wait(_PARTING)
            return
        if call.hub is None:
            with self._lock:
                self._active.discard(task)
            self.pump()
            call.empty.wait(_PARTING)
            self._resume(task)
            task.sleep()
        while call.hub is not None and call.unfinished:
            call.parent_waits = True
            self._sleep(task)

    def pump(self) -> None:
        """Let tasks run while there is room; when none can, let the cohort train."""
        with self._lock:
            while len(self._active) < self._concurrency:
                if self._resumable:
                    task = self._resumable.popleft()
                    self._active.add(task)
                    task.wake()
                elif (following := self._startable()) is None or not self._start(following):
                    break
            if not self._active and self.executor.arrivals:
                self.executor.start()

    def _startable(self) -> Task | None:
        """The next pending task, innermost first, if their number and memory allow it."""
        queue = next((queue for queue in reversed(self._pending) if queue), None)
        if queue is None:
            return None
        stuck = not self._active and not self.executor.busy
        roomy = len(self._tasks) < self._most_tasks and self._held < self._memory
        return queue.popleft() if roomy or stuck else None

    def _start(self, task: Task) -> bool:
        """Hand a task to its hub or give it a thread; false if the system has none left."""
        self._active.add(task)
        self._tasks.add(task)
        if task.call.hub is not None:
            task.wake()
            return True
        thread = threading.Thread(target=self._work, args=(task,), name="kohort-task", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._active.discard(task)
            self._tasks.discard(task)
            self._pending[task.call.depth].appendleft(task)
            self._most_tasks = max(1, len(self._tasks))
            if not self._tasks:
                task.call.error = error
                self._settle(task.call)
            return False
        return True

    def _work(self, task: Hashable) -> None:
        """One greenlet or thread: run a task; a thread runs others while none waits to go on."""
        assert isinstance(task, Task)
        following: Task | None = task
        while following is not None:
            following.thread, following.since = threading.get_ident(), time.monotonic()
            try:
                self._run(following)
            except BaseException as error:  # Ctrl-C between two lines of ours.
                following.call.error = error
            following = self._leave(following)

    def _run(self, task: Task) -> None:
        call, function = task.call, task.function
        task.function = None
        enter(task)
        self._install(call.surroundings)
        if call.hub is None:
            call.randomness.restore_keras()
        try:
            assert function is not None
            if task.aborted:
                raise TaskAborted
            task.value = call.context.copy().run(function)
        except BaseException as error:
            task.error = error
        del function
        if task.number > call.last and self._alone(call):
            call.last, call.randomness = task.number, Randomness.now()
        self._install(call.root.surroundings)
        try:
            task.callback(task)
        except BaseException as error:
            call.error = error  # The driver, which would wait for ever, raises it.

    def _leave(self, task: Task) -> Task | None:
        """Account for the end of a task; the task that its thread shall run next, if any."""
        call, following = task.call, None
        enter(None)
        if task.error is not None or call.error is not None:
            self.abort(call)
        with self._lock:
            self._tasks.discard(task)
            self._held -= task.held
            self._active.discard(task)
            call.unfinished -= 1
            if not call.unfinished:
                call.empty.set()
                self._settle(call)
            if call.hub is None and not self._resumable and len(self._active) < self._concurrency:
                following = self._startable()
            if following is not None and following.call.hub is not None:
                self._start(following)
                following = None
            if following is not None:
                self._active.add(following)
                self._tasks.add(following)
        self.pump()
        return following

    def _settle(self, call: Call) -> None:
        """Tell the driver of a call that it need not wait any longer; the lock is held."""
        call.settled.set()
        if call.parent_waits and call.parent is not None:
            call.parent_waits = False
            self._resumable.append(call.parent)

    def _alone(self, call: Call) -> bool:
        """Whether nobody draws random numbers while a task of the call runs."""
        return self._concurrency == 1 and not call.root.streams

    def _install(self, surroundings: Surroundings) -> None:
        """Make them current, where no other task runs that would see them change."""
        if self._concurrency == 1:
            surroundings.restore()

    def _park(self, task: Task) -> None:
        """Give up the right to run until somebody makes the task resumable and its turn comes."""
        surroundings = Surroundings.now()
        randomness = Randomness.now() if self._alone(task.call) else None
        self._install(task.call.root.surroundings)
        self._sleep(task)
        self._install(surroundings)
        if randomness is not None and self._alone(task.call):
            randomness.restore()
        if task.aborted:
            raise TaskAborted

    def _sleep(self, task: Task) -> None:
        with self._lock:
            self._active.discard(task)
        self._watch.begin()
        self.pump()
        task.sleep()
        task.since = time.monotonic()

    def _yield(self, task: Hashable) -> None:
        """Let others go on while a task waits for a lock; called where it waits."""
        assert isinstance(task, Task)
        with self._lock:
            self._resumable.append(task)
        self._park(task)

    def set_aside(self, task: Task) -> None:
        """Let others go on while a task stands still; any thread may call this."""
        if task.call.hub is not None:
            task.call.hub.interrupt(task)
            return
        with self._lock:
            self._active.discard(task)
        self.pump()

    @property
    def idle(self) -> bool:
        """Whether no task is left."""
        return not self._tasks

    @property
    def resumable(self) -> bool:
        """Whether a parked task could go on."""
        return bool(self._resumable)

    def running(self) -> list[Task]:
        """Tasks that run."""
        with self._lock:
            return [t for t in self._active if t.call.hub is None or t.call.hub.running is t]

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
        task = current_task()
        if task is None:
            return self._plain_threads.fit(members, submitted)
        if task.aborted:
            raise TaskAborted
        fits = submit_all(self.executor, members, lambda: self._resume(task))
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
        while self._tasks - {current_task()} and time.monotonic() < deadline:
            time.sleep(0.002)
        self.executor.join(max(0.1, deadline - time.monotonic()))

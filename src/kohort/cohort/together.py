"""`kohort.together()`: scikit-learn's tasks become tasks of one cohort, through joblib alone."""

from __future__ import annotations

import atexit
import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import joblib
from joblib.parallel import FallbackToBackend, ParallelBackendBase, register_parallel_backend

from kohort.cohort.record import Diagnosed, Record
from kohort.cohort.scheduler import Scheduler
from kohort.cohort.tasks import Call, Task, TaskAborted, value_of
from kohort.data.interning import Interner
from kohort.data.pixel_store import PixelStore
from kohort.engine.devices import cores
from kohort.engine.executors.base import Census
from kohort.engine.executors.local import LocalExecutor, train
from kohort.engine.member import Member, Outcome, Rows
from kohort.engine.memory import available_memory
from kohort.engine.progress import ProgressBar
from kohort.engine.times import Times
from kohort.errors import CancelledError
from kohort.recipe.constraints import Interval, check, optional

Judge = Callable[[Outcome], Diagnosed]

# joblib cuts work into this many parts and dispatches twice as many tasks at once.
_WIDE = 512


class Cohort:
    """Fits that train together, from the start of a `with kohort.together():` block to its end.

    Attributes
    ----------
    record : list of Record
        One entry per fit, in the order in which they were asked for.
    pixels : PixelStore
        What the fits have read of image files.
    """

    def __init__(self, memory: int | None = None, threads: int | None = None) -> None:
        self._executor = LocalExecutor(threads)
        self._interner = Interner()
        self.pixels = PixelStore()
        self.scheduler = Scheduler(self._executor, memory or available_memory() // 4)
        self.record: list[Record] = []
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
        """Train the members of one fit with all others, and record it; see `Scheduler.fit`."""
        entry = Record({} if parameters is None else parameters)
        self.record.append(entry)
        begin = time.perf_counter()
        try:
            outcomes = self.scheduler.fit(members, held, entry.follow)
        except BaseException as error:
            entry.status = "failed"
            if isinstance(error, CancelledError | TaskAborted | KeyboardInterrupt):
                entry.status = "cancelled"
            raise
        finally:
            entry.seconds = time.perf_counter() - begin
        entry.history, entry.best_epoch = outcomes[0].history, outcomes[0].best_epoch
        entry.diagnosis = None if judge is None else judge(outcomes[0])
        entry.status = outcomes[0].status  # Last: who reads it meanwhile takes the rest for final.
        return outcomes

    def census(self) -> Census:
        """How many fits wait, train and have ended."""
        return self._executor.census()

    @property
    def threads(self) -> int:
        """How many threads train."""
        return self._executor.threads

    def times(self) -> Times:
        """What the seconds of the threads that train were spent on so far."""
        return self._executor.times()


_lock = threading.RLock()
_cohort: Cohort | None = None


def current() -> Cohort | None:
    """The cohort that is open in this process."""
    return _cohort


def _join(memory: int | None = None, threads: int | None = None) -> Cohort:
    """The open cohort, or a new one; each user leaves with `_leave`."""
    global _cohort
    with _lock:
        if _cohort is None:
            _cohort = Cohort(memory, threads)
        _cohort.users += 1
        return _cohort


def _leave(cohort: Cohort) -> None:
    """The last user to leave closes the cohort."""
    global _cohort
    with _lock:
        cohort.users -= 1
        if cohort.users > 0:
            return
        if _cohort is cohort:
            _cohort = None
    cohort.scheduler.close()


@atexit.register
def _close() -> None:
    """Let no thread compute while the interpreter shuts down."""
    if _cohort is not None:
        _cohort.scheduler.close()


def _forget() -> None:
    """A forked process has none of the threads that the cohort consists of."""
    global _cohort, _lock
    _cohort, _lock = None, threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def train_members(
    members: list[Member],
    held: int,
    parameters: dict[str, Any] | None = None,
    judge: Judge | None = None,
) -> list[Outcome]:
    """Train the members of one fit in the open cohort, or alone when there is none.

    Parameters
    ----------
    members : list of Member
    held : int
        Bytes of tables that the caller keeps alive while it waits.
    parameters : dict or None
        What the cohort's record shall say about the fit.
    judge : callable or None
        Gives the diagnosis of the first member's outcome.
    """
    cohort = current()
    if cohort is None:
        outcomes = train(members, threads=min(len(members), cores()))
        if judge is not None:
            judge(outcomes[0])
        return outcomes
    return cohort.fit(members, held, parameters, judge)


def train_study(members: list[Member]) -> list[Outcome]:
    """Train members at once, for a study that needs the outcomes before it goes on.

    They train with as many threads as the open cohort has, or on all cores without one, and leave
    no entry in its record.
    """
    cohort = current()
    return train(members, threads=None if cohort is None else cohort.threads)


@contextmanager
def together(
    *, progress: bool | None = None, memory: int | None = None, threads: int | None = None
) -> Iterator[Cohort]:
    """Train every kohort fit inside the block as one cohort.

    scikit-learn's own `GridSearchCV`, `RandomizedSearchCV`, the Halving searches,
    `cross_validate`, `learning_curve`, stacking, bagging and pipelines work unchanged inside it.
    Estimators that are not kohort's are fitted one after another, exactly as outside; an `n_jobs`
    above 1 lets that many of them run at once. Fits from plain threads (such as Optuna's) are
    gathered for 50 ms before they train. A block inside another block joins it.

    Parameters
    ----------
    progress : bool or None, default=None
        Whether to show a progress bar. None shows one when the error stream is a terminal.
    memory : int or None, default=None
        Bytes of tables that waiting fits may hold together, > 0; beyond that, no further fit
        starts before one has ended. None for a quarter of the free memory.
    threads : int or None, default=None
        CPU threads that train, >= 1. None for one per core.

    Yields
    ------
    Cohort
        `census()` tells how many fits wait, train and have ended.

    Raises
    ------
    ParameterError
        If `memory` or `threads` is not a positive whole number.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import GridSearchCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = GridSearchCV(
    ...     kohort.DenseRegressor(width=16, epochs=5, random_state=0),
    ...     {"learning_rate": [1e-3, 1e-2]},
    ...     cv=3,
    ... )
    >>> with kohort.together():
    ...     search = search.fit(X, y)
    >>> search.best_params_
    {'learning_rate': 0.01}
    """
    for name, value in (("memory", memory), ("threads", threads)):
        check(name, value, optional(Interval(1, math.inf, whole=True)))
    cohort = _join(memory, threads)
    shown = sys.stderr.isatty() if progress is None else progress
    try:
        with (
            ProgressBar(cohort.census, shown and cohort.users == 1),
            joblib.parallel_config(CohortBackend(), n_jobs=1),
        ):
            yield cohort
    finally:
        _leave(cohort)


class CohortBackend(ParallelBackendBase):  # type: ignore[misc]
    """joblib backend whose tasks may park while their fits train.

    Each `joblib.Parallel` call gets an object of its own, so that calls may overlap.

    Parameters
    ----------
    nesting_level : int or None
    memory, threads
        As those of `together`, when the first call opens the cohort.
    """

    supports_retrieve_callback = True
    supports_sharedmem = True
    uses_threads = True
    default_n_jobs = 1

    def __init__(
        self,
        nesting_level: int | None = None,
        *,
        memory: int | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(nesting_level=nesting_level)
        self._memory, self._threads = memory, threads
        self._parallel: Any = None
        self._concurrency = 1
        self._cohort: Cohort | None = None
        self._call: Call | None = None
        self._asked = threading.local()

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Number of parts to cut work into."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if self._parallel is not None:
            return _WIDE
        if _asked_by_ensemble():
            self._asked.n_jobs = n_jobs
            return sys.maxsize
        return _jobs(n_jobs)

    def configure(self, n_jobs: int | None = 1, parallel: Any = None, **options: Any) -> int:
        """Make ready for a `Parallel` object: the first time, by a backend of its own."""
        if self._parallel is None:
            own = CohortBackend(self.nesting_level, memory=self._memory, threads=self._threads)
            own._parallel = parallel
            own._concurrency = min(_jobs(self._asked.__dict__.pop("n_jobs", n_jobs)), cores())
            raise FallbackToBackend(own)
        if self._cohort is None:
            self._cohort = _join(self._memory, self._threads)
            self._end = weakref.finalize(self, _leave, self._cohort)
            self._end.atexit = False
        return _WIDE

    @property
    def _scheduler(self) -> Scheduler:
        assert self._cohort is not None
        return self._cohort.scheduler

    def start_call(self) -> None:
        """Open a call of the scheduler's for the tasks to come."""
        self._call = self._scheduler.open(self._concurrency)

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], Any]) -> Task:
        """Queue a task, which starts once the driver waits, or now if results stream to it."""
        assert self._call is not None
        task = self._scheduler.submit(self._call, func, callback)
        if self._streams:
            self._scheduler.pump()
        return task

    @property
    def _streams(self) -> bool:
        """Whether the driver goes on while tasks run; one that is itself a task never does."""
        assert self._call is not None
        polls = self._parallel.return_generator or self._parallel.timeout is not None
        return polls and self._call.parent is None

    def retrieve_result_callback(self, out: Task) -> Any:
        """The result of a task that has ended."""
        return value_of(out)

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """Wait for the tasks; joblib would look for them a hundred times a second."""
        assert self._call is not None
        if self._streams:
            self._scheduler.pump()
        else:
            self._scheduler.wait(self._call)
        yield

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Drop the tasks of the call."""
        if self._call is not None:
            self._scheduler.abort(self._call)

    def stop_call(self) -> None:
        """End the call."""
        call, self._call = self._call, None
        if call is not None:
            self._scheduler.close_call(call)

    def terminate(self) -> None:
        """Leave the cohort."""
        if self._cohort is not None:
            self._cohort = None
            self._end()

    def get_nested_backend(self) -> tuple[CohortBackend, None]:
        """The backend that tasks find."""
        return CohortBackend(self.nesting_level + 1), None


def _jobs(n_jobs: int | None) -> int:
    """scikit-learn's `n_jobs` as a positive number."""
    if n_jobs is None:
        return 1
    return n_jobs if n_jobs > 0 else max(1, cores() + 1 + n_jobs)


def _asked_by_ensemble() -> bool:
    """Whether scikit-learn's bagging or forests ask how many parts to cut their estimators into.

    They hand one part to each job, so that only as many parts as estimators lets all of them train
    together. Whoever else asks, such as `pairwise_distances`, adds numbers up part by part and
    must get the same answer as without kohort. The name is private to scikit-learn (1.7 to 1.9);
    without it such an ensemble would fit its estimators one after another.
    """
    backend = sys._getframe(1)
    asker = backend.f_back and backend.f_back.f_back  # Behind `joblib.effective_n_jobs`.
    return asker is not None and asker.f_code.co_name == "_partition_estimators"


def register() -> None:
    """Make `joblib.parallel_config("kohort")` known."""
    register_parallel_backend("kohort", CohortBackend)

"""joblib's side of a cohort: a backend whose tasks park while their fits train."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from joblib.parallel import FallbackToBackend, ParallelBackendBase

from kohort.cohort.cohort import Cohort
from kohort.cohort.failures import Failures
from kohort.cohort.scheduler import Scheduler
from kohort.cohort.session import session
from kohort.cohort.tasks import Call, Task, value_of
from kohort.engine.devices import cores

# joblib cuts work into this many parts and dispatches twice as many tasks at once.
_WIDE = 512


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
        self._failures = Failures()
        self._asked = threading.local()

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Number of parts to cut work into."""
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
            self._cohort = session().join(self._memory, self._threads)
            self._end = weakref.finalize(self, session().leave, self._cohort)
            self._end.atexit = False
        return _WIDE

    @property
    def _scheduler(self) -> Scheduler:
        assert self._cohort is not None
        return self._cohort.scheduler

    def start_call(self) -> None:
        """Open a call of the scheduler's for the tasks to come."""
        self._call = self._scheduler.open(self._concurrency, self._polls)

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], Any]) -> Task:
        """Queue a task, which starts once the driver waits, or now if results stream to it."""
        assert self._call is not None
        if self._concurrency == 1:  # Warnings belong to the process, not to a thread.
            func = self._failures.watched(func)
        task = self._scheduler.submit(self._call, func, callback)
        if self._streams:
            self._scheduler.pump()
        return task

    @property
    def _streams(self) -> bool:
        """Whether the driver goes on while tasks run; one that is itself a task never does."""
        assert self._call is not None
        return self._polls and self._call.parent is None

    @property
    def _polls(self) -> bool:
        """Whether joblib looks for results again and again, instead of waiting for them all."""
        return bool(self._parallel.return_generator or self._parallel.timeout is not None)

    def retrieve_result_callback(self, out: Task) -> Any:
        """The result of a task that has ended."""
        return self._failures.told_once(value_of(out))

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
            self._failures.warn()

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
    if n_jobs == 0:
        raise ValueError("n_jobs == 0 in Parallel has no meaning")
    return n_jobs if n_jobs > 0 else max(1, cores() + 1 + n_jobs)


def _asked_by_ensemble() -> bool:
    """Whether scikit-learn's bagging or forests ask how many parts to cut their estimators into.

    They hand one part to each job, so that only as many parts as estimators lets all of them train
    together. Other callers, such as `pairwise_distances`, add numbers up part by part and must
    get the same answer as without kohort. The name is private to scikit-learn (1.7 to 1.9);
    without it such an ensemble would fit its estimators one after another.
    """
    backend = sys._getframe(1)
    asker = backend.f_back and backend.f_back.f_back  # Behind `joblib.effective_n_jobs`.
    return asker is not None and asker.f_code.co_name == "_partition_estimators"

"""`kohort.together()`: scikit-learn's tasks become tasks of one cohort, through joblib alone."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
from joblib.parallel import ParallelBackendBase, register_parallel_backend

from kohort.data.interning import Interner
from kohort.engine.executors import Census, Executor, cores, train
from kohort.engine.member import Member, Outcome, Rows
from kohort.engine.progress import ProgressBar
from kohort.errors import ParameterError, explain
from kohort.estimators.tasks import Scheduler, Task, value_of

# joblib splits work by this number and dispatches twice as many tasks at once.
_WIDE = 512


class Cohort:
    """Fits that train together, from the start of a `with kohort.together()` block to its end."""

    def __init__(self, memory: int | None = None, threads: int | None = None) -> None:
        self._executor = Executor(threads)
        self._interner = Interner()
        self.scheduler = Scheduler(self._executor, memory or available_memory() // 4)

    def rows(self, rows: Rows) -> Rows:
        """The table, or an equal one that another fit of the cohort holds already."""
        return self._interner.rows(rows)

    def fit(self, member: Member, held: int) -> Outcome:
        """Train a member with the others; see `Scheduler.fit`."""
        return self.scheduler.fit(member, held)

    def census(self) -> Census:
        """How many fits wait, train and have ended."""
        return self._executor.census()


_active: list[Cohort] = []
_lock = threading.Lock()


def current() -> Cohort | None:
    """The innermost cohort that is open in this process."""
    return _active[-1] if _active else None


def train_member(member: Member, held: int) -> Outcome:
    """Train a member in the open cohort, or alone when there is none."""
    cohort = current()
    if cohort is None:
        return train([member], threads=1)[0]
    return cohort.fit(member, held)


def available_memory() -> int:
    """Bytes of memory that are free for use."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 * 1024**3


@contextmanager
def _open(cohort: Cohort) -> Iterator[Cohort]:
    with _lock:
        _active.append(cohort)
    try:
        yield cohort
    finally:
        with _lock:
            _active.remove(cohort)
        cohort.scheduler.close()


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
        if value is not None and (isinstance(value, bool) or int(value) != value or value < 1):
            raise ParameterError(explain(name, "None or a whole number >= 1", value))
    outer = current()
    if outer is not None:
        with joblib.parallel_config(_Backend(cohort=outer), n_jobs=1):
            yield outer
        return
    cohort = Cohort(memory, threads)
    shown = sys.stderr.isatty() if progress is None else progress
    with (
        _open(cohort),
        ProgressBar(cohort.census, shown),
        joblib.parallel_config(_Backend(cohort=cohort), n_jobs=1),
    ):
        yield cohort


class _Backend(ParallelBackendBase):  # type: ignore[misc]
    """joblib backend whose tasks may park while their fits train."""

    supports_retrieve_callback = True
    supports_sharedmem = True
    uses_threads = True
    default_n_jobs = 1

    def __init__(
        self, nesting_level: int | None = None, cohort: Cohort | None = None, **options: Any
    ) -> None:
        super().__init__(nesting_level=nesting_level or 0, **options)
        self._given = cohort
        self._cohort = cohort
        self._opened: Any = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        return _WIDE

    def configure(self, n_jobs: int | None = 1, parallel: Any = None, **options: Any) -> int:
        self.parallel = parallel
        if self._cohort is None:
            self._cohort = current()
        if self._cohort is None:
            self._opened = _open(Cohort())
            self._cohort = self._opened.__enter__()
        if n_jobs is not None and n_jobs != 1:
            wanted = n_jobs if n_jobs > 0 else max(1, cores() + 1 + n_jobs)
            self._cohort.scheduler.concurrency = min(wanted, cores())
        return self.effective_n_jobs(n_jobs)

    @property
    def _scheduler(self) -> Scheduler:
        assert self._cohort is not None
        return self._cohort.scheduler

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], Any]) -> Task:
        task = self._scheduler.submit(func, callback, self.parallel)
        if self.parallel.return_generator:
            self._scheduler.pump()
        return task

    def retrieve_result_callback(self, out: Task) -> Any:
        return value_of(out)

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        with self._scheduler.waiting():
            yield

    def abort_everything(self, ensure_ready: bool = True) -> None:
        self._scheduler.abort(self.parallel)

    def terminate(self) -> None:
        self._scheduler.concurrency = 1
        if self._opened is not None:
            opened, self._opened, self._cohort = self._opened, None, self._given
            opened.__exit__(None, None, None)

    def get_nested_backend(self) -> tuple[_Backend, None]:
        return _Backend(nesting_level=self.nesting_level + 1, cohort=self._cohort), None


def register() -> None:
    """Make `joblib.parallel_config("kohort")` known."""
    register_parallel_backend("kohort", _Backend)

"""`kohort.together()`: scikit-learn's tasks become tasks of one cohort, through joblib alone."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import joblib

from kohort.arrays import PathLike
from kohort.cohort.backend import CohortBackend
from kohort.cohort.cohort import Cohort
from kohort.cohort.session import session
from kohort.engine.executors.base import Executor
from kohort.engine.folder_store import FolderStore
from kohort.engine.progress import Progress
from kohort.engine.store import Store
from kohort.errors import shown
from kohort.recipe.constraints import Constraint, Interval, Satisfies, check, flag, optional


def together(
    *, progress: bool | None = None, memory: int | None = None, threads: int | None = None,
    executor: Executor | None = None, store: Store | PathLike | None = None,
) -> AbstractContextManager[Cohort]:  # fmt: skip
    """Train every kohort fit inside the block as one cohort.

    scikit-learn's own searches, `cross_validate`, `learning_curve`, stacking, bagging and
    pipelines work unchanged inside it. Estimators that are not kohort's are fitted one after
    another, exactly as outside; an `n_jobs` above 1 lets that many of them run at once. Fits from
    plain threads (such as Optuna's) are gathered for 50 ms before they train. A block inside
    another block joins it.

    Parameters
    ----------
    progress : bool or None, default=None
        Whether to show progress on the error stream: a bar on a terminal, a line now and then
        elsewhere. None shows a bar on a terminal and nothing elsewhere.
    memory : int or None, default=None
        Bytes of tables that waiting fits may hold together, > 0; beyond that, no further fit
        starts before one has ended. None for a quarter of the free memory.
    threads : int or None, default=None
        CPU threads that train, >= 1. None for one per core.
    executor : Executor or None, default=None
        The object that trains the fits, such as a `RayExecutor`. None for this machine's cores or
        accelerators.
    store : str, path, FolderStore or None, default=None
        A folder that keeps the results of fits. A fit whose recipe, rows and seed equal those of a
        kept one is not trained again: not in a later search, not after a crash, not in another
        process. A line at the end says how many fits came from the store, unless `progress` is
        False. None for the folder that the environment variable `KOHORT_STORE` names; without that
        variable nothing is kept.

    Returns
    -------
    context manager of Cohort
        For a `with` statement. Its `Cohort` has a method `census()`, which tells how many fits
        wait, train and have ended.

    Raises
    ------
    ParameterError
        If `memory` or `threads` is no positive whole number, `executor` or `store` lacks a method,
        or an inner block has a store of its own.
    DataError
        If the store's folder cannot be used.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import GridSearchCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = kohort.DenseRegressor(width=16, epochs=5, random_state=0)
    >>> search = GridSearchCV(model, {"learning_rate": [1e-3, 1e-2]}, cv=3)
    >>> with kohort.together():
    ...     search.fit(X, y).best_params_
    {'learning_rate': 0.01}
    """
    return _opened(progress, memory, threads, executor, store)


_GOES_ON = "The same script, run again, goes on from there and trains no fit twice."


@contextmanager
def _opened(
    progress: bool | None,
    memory: int | None,
    threads: int | None,
    executor: Executor | None,
    store: Store | PathLike | None,
) -> Iterator[Cohort]:
    check("progress", progress, optional(flag()))
    for name, value in (("memory", memory), ("threads", threads)):
        check(name, value, optional(Interval(1, math.inf, whole=True)))
    check("executor", executor, optional(_with_methods("submit", "start", "cancel", "census")))
    if isinstance(store, str | os.PathLike):
        store = FolderStore(store)
    check("store", store, optional(_with_methods("get", "put")), "Give a folder, or leave it out.")
    cohort = session().join(memory, threads, executor, store)
    visible = sys.stderr.isatty() if progress is None else progress
    try:
        with (
            Progress(cohort.census, visible and cohort.users == 1),
            joblib.parallel_config(CohortBackend(), n_jobs=1),
        ):
            yield cohort
    except BaseException as error:
        if cohort.store is not None and cohort.census().ended:
            error.add_note(f"What has ended is kept in {shown(cohort.store)}. {_GOES_ON}")
        raise
    finally:
        session().leave(cohort)
        if not cohort.users and progress is not False:
            _tell_found(cohort)


def _tell_found(cohort: Cohort) -> None:
    """Say how many fits a store gave back, if it gave any."""
    census = cohort.census()
    if census.found:
        counts = f"{census.found} of {census.ended} fits were found in the store"
        print(f"{counts}, {census.ended - census.found} trained.", file=sys.stderr, flush=True)


def _with_methods(*names: str) -> Constraint:
    """An object that has all these methods."""
    return Satisfies(
        lambda value: all(callable(getattr(value, name, None)) for name in names),
        f"an object with the methods {', '.join(names)}",
    )

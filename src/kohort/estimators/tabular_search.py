"""One call from a raw table to the best network: split, search, score, refit on all rows."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import (
    KFold,
    ParameterGrid,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import Pipeline

from kohort.data.tables import CLASSIFICATION, resolve_task, split_target, target_array
from kohort.errors import DataError, DivergedWarning, KohortError, ParameterError, explain
from kohort.estimators.search import GridSearchCV, RandomizedSearchCV
from kohort.estimators.spaces import Space, check_method
from kohort.estimators.tabular import NETWORK, TabularModel, tabular_pipeline
from kohort.estimators.together import Cohort, together
from kohort.recipe.constraints import Interval, check

_PREFIX = f"{NETWORK}__"


@dataclass(frozen=True)
class Plan:
    """How to search.

    Attributes
    ----------
    space : dict
        From parameter to a list of choices or a distribution.
    method : {"random", "grid"}, default="random"
    trials : int, default=50
        Candidates of a random search, >= 1.
    cv : int, default=5
        Folds, >= 2; shuffled, and stratified for classes.
    seed : int, default=0
        Fixes the split, the folds, the candidates and the networks.
    test_fraction : float, default=0.2
        Share of the rows that the search never sees, in [0, 1); 0 for none.
    settings : dict
        Parameters of the network that are the same for all candidates.
    """

    space: Space
    method: str = "random"
    trials: int = 50
    cv: int = 5
    seed: int = 0
    test_fraction: float = 0.2
    settings: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise `ParameterError` if a number is out of range or a parameter is given twice."""
        check_method(self.method)
        check("trials", self.trials, Interval(1, np.inf, whole=True))
        check("cv", self.cv, Interval(2, np.inf, whole=True))
        check("seed", self.seed, Interval(0, 2**32 - 1, closed="both", whole=True))
        check("test_fraction", self.test_fraction, Interval(0, 1), "Use 0 for no test rows.")
        twice = sorted(set(self.space) & set(self.settings))
        if twice:
            raise ParameterError(
                explain("set", "a parameter that the space does not have", twice[0])
            )

    @property
    def candidates(self) -> int:
        """Number of candidates that will be tried."""
        if self.method == "grid":
            return len(ParameterGrid(self.space))
        return self.trials


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    plan : Plan
    search : GridSearchCV or RandomizedSearchCV
        The fitted search; its parameters carry the prefix `network__`.
    model : TabularModel
        The best candidate, fitted again on all rows.
    cv_score : float
        Mean score of the best candidate over the folds.
    test_score : float or None
        Score, on the rows held out, of the best candidate fitted on all others.
    rows : dict
        Number of rows searched, tested and in all.
    seconds : dict
        Wall time of the search and of the last fit.
    """

    plan: Plan
    search: Any
    model: TabularModel
    cv_score: float
    test_score: float | None
    rows: dict[str, int]
    seconds: dict[str, float]

    @property
    def best_parameters(self) -> dict[str, Any]:
        """Parameters of the winner, settings included."""
        return {**self.plan.settings, **without_prefix(self.search.best_params_)}

    @property
    def score_name(self) -> str:
        """What the scores are."""
        return "accuracy" if self.model.task == CLASSIFICATION else "R²"


def without_prefix(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of the pipeline as those of the network."""
    return {name.removeprefix(_PREFIX): value for name, value in parameters.items()}


def search_table(
    table: pd.DataFrame,
    target: str,
    plan: Plan,
    task: str = "auto",
    progress: bool | None = None,
    follow: Callable[[Cohort], AbstractContextManager[object]] = nullcontext,
) -> SearchResult:
    """Search for the best network for one column of a raw table.

    Parameters
    ----------
    table : DataFrame, shape (row, column)
        Text, dates and missing values are allowed in every column but the target.
    target : str
    plan : Plan
    task : {"auto", "classification", "regression"}, default="auto"
    progress : bool or None, default=None
        Whether to show a progress bar; None shows one on a terminal.
    follow : callable
        Gives a context manager around the search of a cohort, to watch it.

    Returns
    -------
    SearchResult

    Raises
    ------
    ParameterError, DataError
        If the plan or the table cannot be used.
    KohortError
        If no candidate could be trained.
    """
    plan.check()
    X, y = split_target(table, target)
    task = resolve_task(task, y)
    labels = target_array(y, task)
    _check_rows(labels, plan, task)
    searched, tested = _split(labels, plan, task)
    settings, started = dict(plan.settings), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="kohort-") as folder, _quiet():
        memory = joblib.Memory(folder, verbose=0)
        pipeline = tabular_pipeline(task, random_state=plan.seed, memory=memory, settings=settings)
        search = _search(pipeline, plan, task)
        with together(progress=progress) as cohort, follow(cohort):
            _run(search, X.iloc[searched], labels[searched])
        test_score = _score(search, X.iloc[tested], labels[tested])
        middle = time.perf_counter()
        settings |= without_prefix(search.best_params_)
        final = tabular_pipeline(task, random_state=plan.seed, settings=settings).fit(X, labels)
    return SearchResult(
        plan=plan,
        search=search,
        model=TabularModel.of(final, X, target, task),
        cv_score=float(search.best_score_),
        test_score=test_score,
        rows={"searched": len(searched), "tested": len(tested), "all": len(labels)},
        seconds={"search": middle - started, "final_fit": time.perf_counter() - middle},
    )


def _score(search: Any, X: pd.DataFrame, labels: NDArray[Any]) -> float | None:
    """Score of the winner on rows that the search never saw, if there are any."""
    return float(search.best_estimator_.score(X, labels)) if len(labels) else None


def _check_rows(labels: NDArray[Any], plan: Plan, task: str) -> None:
    """Refuse tables too small to split as planned."""
    least = 2 * plan.cv if plan.test_fraction == 0 else 2 * plan.cv + 2
    if len(labels) < least:
        raise DataError(
            f"`DATA` must have at least {least} rows for cv={plan.cv} and "
            f"test_fraction={plan.test_fraction:g}; got {len(labels)}. Use fewer folds or add rows."
        )
    if task != CLASSIFICATION:
        return
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 3:
        rare = classes[np.argmin(counts)].item()
        raise DataError(
            f"Each class of the target must have at least 3 rows; got {counts.min()} of class "
            f"{rare!r}. Remove or merge rare classes, or use --task regression for numbers."
        )
    if counts.max() * (1 - plan.test_fraction) < plan.cv + 1:
        raise ParameterError(
            explain(
                "cv",
                f"smaller than the rows of the largest class ({counts.max()}, of which "
                f"{plan.test_fraction:.0%} are held out)",
                plan.cv,
                "Use fewer folds.",
            )
        )


def _split(
    labels: NDArray[Any], plan: Plan, task: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row numbers to search on and to test on."""
    every = np.arange(len(labels))
    if plan.test_fraction == 0:
        return every, every[:0]
    stratify = labels if task == CLASSIFICATION else None
    try:
        searched, tested = train_test_split(
            every, test_size=plan.test_fraction, stratify=stratify, random_state=plan.seed
        )
    except ValueError as error:
        raise ParameterError(
            explain(
                "test_fraction",
                f"a share of {len(labels)} rows that leaves rows of each class on both sides",
                plan.test_fraction,
                "Use 0 for no test rows, or a share nearer to 0.5.",
            )
        ) from error
    return np.sort(searched), np.sort(tested)


def _search(pipeline: Pipeline, plan: Plan, task: str) -> Any:
    folds = StratifiedKFold if task == CLASSIFICATION else KFold
    cv = folds(plan.cv, shuffle=True, random_state=plan.seed)
    space = {f"{_PREFIX}{name}": choices for name, choices in plan.space.items()}
    if plan.method == "grid":
        return GridSearchCV(pipeline, space, cv=cv)
    return RandomizedSearchCV(pipeline, space, n_iter=plan.trials, cv=cv, random_state=plan.seed)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings about single fits: the leaderboard reports their statuses."""
    with warnings.catch_warnings():
        for category in (DivergedWarning, FitFailedWarning):
            warnings.simplefilter("ignore", category)
        for message in (
            "One or more of the test scores are non-finite",
            "The least populated class",
            "The total space of parameters",
        ):
            warnings.filterwarnings("ignore", message=message)
        yield


def _run(search: Any, X: pd.DataFrame, labels: NDArray[Any]) -> None:
    """Fit the search; when every fit failed, say why in one line."""
    try:
        search.fit(X, labels)
    except KohortError:
        raise
    except ValueError as error:
        if "fits failed" not in str(error):
            raise
        reason = str(error).strip().splitlines()[-1].partition(": ")[2]
        raise KohortError(f"No candidate could be trained. {reason}") from error
    if not np.isfinite(search.best_score_):
        raise KohortError(
            "No candidate could be trained: each diverged in at least one fold. Lower the "
            "learning rates of the space."
        )

"""One call from raw data to the best network: split, search, score, refit on all rows."""

from __future__ import annotations

import re
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, ParameterGrid, StratifiedKFold

from kohort.arrays import Estimator, PathLike, Search, TableLike
from kohort.cohort.cohort import Cohort
from kohort.cohort.together import together
from kohort.data.tasks import REGRESSION
from kohort.engine.executors.base import Executor
from kohort.engine.member import DIVERGED, FINISHED
from kohort.errors import (
    DivergedError,
    KohortError,
    ParameterError,
    RefitWarning,
    explain,
    shown,
)
from kohort.recipe.constraints import Interval, check
from kohort.scratch import scratch_folder
from kohort.searches.adaptive.search import AdaptiveSearchCV
from kohort.searches.ensembles.keeping import ENSEMBLE
from kohort.searches.problems.baseline import Baseline
from kohort.searches.problems.problem import Model, Problem
from kohort.searches.quiet import quiet
from kohort.searches.refits import next_best
from kohort.searches.search import KEPT, GridSearchCV, RandomizedSearchCV
from kohort.searches.space_files import check_method
from kohort.searches.spaces import Space
from kohort.searches.tables.pipeline import PREFIX

_ALL_FAILED = re.compile(r"All the (\d+) fits failed\.(?:.|\n)*?following error:\n[^:]+: (.*)")


@dataclass(frozen=True)
class Plan:
    """How to search.

    Attributes
    ----------
    space : dict
        From parameter to a list of choices or a distribution.
    method : {"random", "grid", "adaptive"}, default="random"
    trials : int, default=50
        Candidates of a random or adaptive search, >= 1.
    cv : int, default=5
        Folds, >= 2; shuffled, and stratified for classes.
    seed : int, default=0
        Fixes the split, the folds, the candidates and the networks.
    test_fraction : float, default=0.2
        Share of the rows that the search never sees, in [0, 1); 0 for none.
    settings : dict
        Parameters of the network that are the same for all candidates.
    ensemble : bool, default=False
        Whether the model is an ensemble of what the folds have trained, with `ensemble_of`, in
        place of the best candidate fitted again.
    """

    space: Space
    method: str = "random"
    trials: int = 50
    cv: int = 5
    seed: int = 0
    test_fraction: float = 0.2
    settings: Mapping[str, Any] = field(default_factory=dict)
    ensemble: bool = False

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
        if self.method == "adaptive" and "epochs" in self.space:
            requirement = "without 'epochs' when method is 'adaptive', which gives each its own"
            raise ParameterError(explain("space", requirement, "epochs", "Use --set epochs=100."))

    @property
    def candidates(self) -> int:
        """Number of candidates that will be tried."""
        if self.method == "grid":
            return len(ParameterGrid(self.space))
        return self.trials


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes
    ----------
    plan : Plan
    search : GridSearchCV, RandomizedSearchCV or AdaptiveSearchCV
        The fitted search; its parameters carry the problem's prefix.
    task : str
        `"classification"`, `"regression"` or `"image classification"`.
    noun : str
        Word for rows in messages, in the plural.
    model : Model or None
        The best candidate, fitted again on all rows, None if that fit diverged; or the ensemble.
    cv_score : float
        Mean score of the best candidate over the folds.
    test_score : float or None
        Score, on the rows held out, of the best candidate fitted on all others, or of the ensemble;
        None without such rows, and if that fit diverged.
    rows : dict
        Number of rows searched, tested and in all.
    seconds : dict
        Wall time of the search and of the last fit.
    baseline : Baseline
        Scores of always the same answer.
    remarks : tuple of str
        Sentences about fits of the best candidate that diverged.
    """

    plan: Plan
    search: Any
    task: str
    noun: str
    model: Model | None
    cv_score: float
    test_score: float | None
    rows: dict[str, int]
    seconds: dict[str, float]
    baseline: Baseline
    remarks: tuple[str, ...] = ()

    @property
    def best_parameters(self) -> dict[str, Any]:
        """Parameters of the winner, settings included."""
        return {**self.plan.settings, **without_prefix(self.search.best_params_)}

    @property
    def score_name(self) -> str:
        """The name of the scores."""
        return "R²" if self.task == REGRESSION else "accuracy"


def without_prefix(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of the pipeline as those of the network."""
    return {name.removeprefix(PREFIX): value for name, value in parameters.items()}


def search_problem(
    problem: Problem,
    plan: Plan,
    progress: bool | None = None,
    follow: Callable[[Cohort], AbstractContextManager[object]] = nullcontext,
    store: PathLike | None = None,
    executor: Executor | None = None,
) -> SearchResult:
    """Search for the best network.

    Parameters
    ----------
    problem : Problem
    plan : Plan
    progress : bool or None, default=None
        As that of `together`.
    follow : callable
        Gives a context manager around the search of a cohort, to watch it.
    store, executor
        As those of `together`.

    Returns
    -------
    SearchResult

    Raises
    ------
    ParameterError, DataError
        If the plan or the data cannot be used.
    KohortError
        If no candidate could be trained.
    """
    _refuse(plan, problem)
    searched, tested = problem.split(plan.test_fraction, plan.seed)
    labels, started = problem.labels, time.perf_counter()
    with scratch_folder(Path(tempfile.gettempdir(), "kohort-folds")) as folder, quiet():
        memory = joblib.Memory(folder, verbose=0)
        search = _search(problem.network(plan.settings, plan.seed, memory), problem, plan)
        with together(progress=progress, store=store, executor=executor) as cohort, follow(cohort):
            remarks = _run(search, problem.rows(searched), labels[searched])
        test_score = None
        if len(tested) and not remarks:
            test_score = float(search.score(problem.rows(tested), labels[tested]))
        middle = time.perf_counter()
        baseline = Baseline.of(labels[searched], labels[tested], problem.classifies, search.cv)
        model, told = _last(problem, plan, search, store)
    return SearchResult(
        plan=plan,
        search=search,
        task=problem.task,
        noun=problem.noun,
        model=model,
        cv_score=float(search.best_score_),
        test_score=test_score,
        rows={"searched": len(searched), "tested": len(tested), "all": len(labels)},
        seconds={"search": middle - started, "final_fit": time.perf_counter() - middle},
        baseline=baseline,
        remarks=(*remarks, *_others(search), *told),
    )


def _refuse(plan: Plan, problem: Problem) -> None:
    plan.check()
    fixed = sorted(set(plan.space) & set(problem.fixed))
    if fixed:
        remedy = f"Use --set {fixed[0]}=..."
        requirement = "without parameters that say how the data are read"
        raise ParameterError(explain("space", requirement, fixed[0], remedy))
    if plan.ensemble and not problem.averages:
        requirement = f"left out for {problem.noun}, whose networks are kept one by one"
        raise ParameterError(explain("ensemble", requirement, plan.ensemble))
    problem.check_folds(plan.cv, plan.test_fraction)


def _search(network: Estimator, problem: Problem, plan: Plan) -> Any:
    folds = StratifiedKFold if problem.classifies else KFold
    cv = folds(plan.cv, shuffle=True, random_state=plan.seed)
    space = {f"{problem.prefix}{name}": choices for name, choices in plan.space.items()}
    options: dict[str, Any] = {"cv": cv, "refit": ENSEMBLE if plan.ensemble else True}
    if plan.method == "grid":
        return GridSearchCV(network, space, **options)
    options["random_state"] = plan.seed
    if plan.method == "adaptive":
        return AdaptiveSearchCV(network, space, n_candidates=plan.trials, **options)
    return RandomizedSearchCV(network, space, n_iter=plan.trials, **options)


def _run(search: Search, X: TableLike, labels: NDArray[Any]) -> list[str]:
    """Fit the search; when every fit failed, say why in one line.

    Returns
    -------
    list of str
        A sentence if the fit of the best candidate on all rows of the search diverged.
    """
    remarks = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RefitWarning)  # A remark says it.
            search.fit(X, labels)
    except DivergedError as error:  # In a fold it is a score that is missing.
        cause = str(error).removesuffix(f" {KEPT}")
        remarks.append(f"The best candidate's fit on {len(labels)} searched rows diverged. {cause}")
    except KohortError:
        raise
    except ValueError as error:
        if (told := _ALL_FAILED.search(str(error))) is None:
            raise
        raise KohortError(
            f"No candidate could be trained: all {told[1]} fits failed. {told[2]}"
        ) from error
    if not np.isfinite(search.best_score_):
        raise KohortError(
            "No candidate could be trained: each diverged in at least one fold. Lower the "
            "learning rates of the space."
        )
    return remarks


def _others(search: Search) -> list[str]:
    """A sentence if another candidate was refitted in the best one's place."""
    if not search.refit_failures_ or search.best_index_ in search.refit_failures_:
        return []
    first, error = next(iter(search.refit_failures_.items()))
    failed, taken = (_named(search, number) for number in (first, search.best_index_))
    return [f"The refit of the best candidate ({failed}) failed, the next best is {taken}: {error}"]


def _named(search: Search, number: int) -> str:
    return shown(without_prefix(search.cv_results_["params"][number]))


def _last(
    problem: Problem, plan: Plan, search: Search, store: PathLike | None
) -> tuple[Model | None, list[str]]:
    """The ensemble, or the best candidate that can be fitted on all rows, and sentences if that is
    another one.
    """
    if plan.ensemble:
        return problem.kept(search.best_estimator_), []
    said = f"The best candidate's fit on all {len(problem.labels)} {problem.noun} diverged"
    told: list[str] = []
    best = search.best_index_
    for number in (best, *next_best(search.cv_results_, "score", best)):
        chosen = {**plan.settings, **without_prefix(search.cv_results_["params"][number])}
        try:
            with together(progress=False, store=store):
                fitted = problem.network(chosen, plan.seed).fit(problem.X, problem.labels)
            model = problem.kept(fitted)
        except DivergedError as error:
            told = told or [f"{said}, so there is no model. {error}"]
            continue
        if told:
            return model, [f"{said}; the model is the next best one, {_named(search, number)}."]
        if getattr(model.estimator, "status_", FINISHED) != DIVERGED:
            return model, []
        epoch = model.estimator.best_epoch_ + 1
        return model, [f"{said}; the model has the weights of epoch {epoch}, the best before that."]
    return None, told

"""`kohort.compare`: train two estimators on the same splits and seeds, and compare their scores."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_random_state, indexable
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import Parallel, delayed

from kohort.arrays import Estimator, RandomStateLike, Scorer, ScoringLike, TableLike, TargetsLike
from kohort.cohort.together import together
from kohort.data.splitting import split
from kohort.deferred import pd
from kohort.engine.member import DIVERGED, FINISHED
from kohort.errors import (
    CancelledError,
    DataError,
    DivergedError,
    DivergedWarning,
    ParameterError,
    explain,
)
from kohort.recipe.constraints import Interval, check
from kohort.studies.comparison.comparison import FAILED, Comparison, compared

_NO_CLASS = "Pass an estimator itself, such as kohort.DenseRegressor(), no name and no class."

_Part = tuple[NDArray[np.intp], NDArray[np.intp]]


def compare(
    estimator: Estimator, other: Estimator, X: TableLike, y: TargetsLike, *, k: int = 10,
    validation_fraction: float = 0.25, confidence: float = 0.95, scoring: ScoringLike = None,
    random_state: RandomStateLike = 0,
) -> Comparison:  # fmt: skip
    """Compare two estimators over random splits and seeds, all fits trained as one cohort.

    Each seed draws a split (by class if the classes are large enough) and sets every `random_state`
    of both estimators. A fit that diverges, fails or has no finite score counts with the score of a
    constant prediction, and the table names it. An R² below that is raised to it: one of -1e9 would
    decide the mean alone. The t interval is rather too narrow, since training sets overlap (Nadeau
    and Bengio 2003, doi:10.1023/A:1024068626366).

    Parameters
    ----------
    estimator, other : scikit-learn estimators
        Two regressors or two classifiers; pipelines too. They are not changed.
    X, y : array-like
        Features and targets, as both estimators' `fit` takes them, with a row per example.
    k : int, default=10
        Number of seeds, >= 2.
    validation_fraction, confidence : float, default=0.25, 0.95
        Share of the rows to score on, and the interval's confidence, in (0, 1).
    scoring : str, callable or None, default=None
        As scikit-learn's; None for the estimators' own `score`.
    random_state : int, RandomState or None, default=0
        Fixes splits and seeds.

    Returns
    -------
    Comparison
        All scores, the mean difference with its interval, and `helped`: whether `other` is better.

    Raises
    ------
    ParameterError, DataError
        If a parameter is out of range, or there are too few rows.
    Exception
        The first error of an estimator of which every fit raised one.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> short = kohort.DenseRegressor(width=16, epochs=1)
    >>> kohort.compare(short, kohort.DenseRegressor(width=16, epochs=30), X, y, k=4).helped
    True
    """
    check("k", k, Interval(2, np.inf, whole=True))
    for name, share in (("validation_fraction", validation_fraction), ("confidence", confidence)):
        check(name, share, Interval(0, 1, "neither"))
    _check_question(estimator, other, y, scoring)
    seeds = check_random_state(random_state).randint(2**31 - 1, size=k).tolist()
    X, y = indexable(X, y)
    table = _table((estimator, other), X, y, seeds, validation_fraction, scoring)
    return compared(table, confidence, _score_name(estimator, scoring))


def _table(
    pair: tuple[Any, Any],
    X: TableLike,
    y: TargetsLike,
    seeds: list[int],
    fraction: float,
    scoring: ScoringLike,
) -> pd.DataFrame:
    """Scores and statuses, a row per seed."""
    scorers = [check_scoring(estimator, scoring=scoring) for estimator in pair]
    parts = _parts(pair[0], y, seeds, fraction)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergedWarning)  # The table says it.
        with together():
            scored = Parallel()(
                delayed(_scored)(estimator, scorer, X, y, part, seed)
                for seed, part in zip(seeds, parts, strict=True)
                for estimator, scorer in zip(pair, scorers, strict=True)
            )
    by_name = {"estimator": scored[0::2], "other": scored[1::2]}
    for results in by_name.values():
        _refuse_only_errors(results)
    floor = scoring == "r2" or (scoring is None and is_regressor(pair[0]))
    constants = [_constant(pair[0], scorers[0], scoring is None, y, part) for part in parts]
    return pd.DataFrame({"seed": seeds, **_counted(by_name, constants, floor)})


def _parts(estimator: Estimator, y: TargetsLike, seeds: list[int], fraction: float) -> list[_Part]:
    """Rows to train on and rows to score on, for each seed."""
    count = len(y)
    if count - np.ceil(fraction * count) < 1:
        raise DataError(
            f"n_samples={count} leaves no row to train on after validation_fraction={fraction} is "
            "set aside. Give more rows or a smaller fraction."
        )
    labels = _labels(estimator, y)
    return [split(count, fraction, seed, labels) for seed in seeds]


class _Scored(NamedTuple):
    """A fit's score on the held-out rows, NaN if there is none; its status; its error's text."""

    score: float
    status: str
    error: Exception | None = None


def _check_question(
    estimator: Estimator, other: Estimator, y: TargetsLike, scoring: ScoringLike
) -> None:
    for name, value in (("estimator", estimator), ("other", other)):
        if not (_is_estimator(value) and (is_regressor(value) or is_classifier(value))):
            raise ParameterError(explain(name, "a regressor or a classifier", value, _NO_CLASS))
    if is_classifier(estimator) != is_classifier(other):
        kind = "classifier" if is_classifier(estimator) else "regressor"
        raise ParameterError(explain("other", f"a {kind}, as `estimator` is", other))
    if y is None:
        raise ParameterError(explain("y", "a target with a value per row", y))
    if not (scoring is None or callable(scoring) or scoring in get_scorer_names()):
        known = "a name in sklearn.metrics.get_scorer_names(), a function or None"
        raise ParameterError(explain("scoring", known, scoring))


def _is_estimator(value: object) -> bool:
    return hasattr(value, "fit") and hasattr(value, "get_params") and not isinstance(value, type)


def _labels(estimator: Estimator, y: TargetsLike) -> NDArray[Any] | None:
    """Class codes to stratify by, or None."""
    if is_classifier(estimator) and type_of_target(y) in ("binary", "multiclass"):
        return np.unique(np.asarray(y).ravel(), return_inverse=True)[1]
    return None


def _scored(
    estimator: Estimator, scorer: Scorer, X: TableLike, y: TargetsLike, part: _Part, seed: int
) -> _Scored:
    """Train a copy on one part of the rows and score it on the other."""
    copy, (train, held_out) = _seeded(estimator, seed), part
    try:
        copy.fit(_safe_indexing(X, train), _safe_indexing(y, train))
        status = _status(copy)
        if status == DIVERGED:
            return _Scored(np.nan, DIVERGED)
        score = float(scorer(copy, _safe_indexing(X, held_out), _safe_indexing(y, held_out)))
    except CancelledError:
        raise
    except DivergedError:
        return _Scored(np.nan, DIVERGED)
    except Exception as error:
        text = " ".join(str(error).split())
        return _Scored(np.nan, f"{FAILED}: {type(error).__name__}: {text}", error)
    return _Scored(score, status if np.isfinite(score) else f"{FAILED}: the score is {score}")


def _seeded(estimator: Estimator, seed: int) -> Any:
    """A copy whose every `random_state`, those of its parts included, is the seed."""
    copy = clone(estimator)
    names = [name for name in copy.get_params() if name.split("__")[-1] == "random_state"]
    return copy.set_params(**dict.fromkeys(names, seed))


def _status(fitted: Estimator) -> str:
    """How a fit ended; that of the estimator inside a pipeline, search or target transformation."""
    while not hasattr(fitted, "status_"):
        if isinstance(fitted, Pipeline):
            fitted = fitted[-1]
            continue
        inner = [getattr(fitted, name, None) for name in ("best_estimator_", "regressor_")]
        fitted = next((part for part in inner if part is not None), None)
        if fitted is None:
            return FINISHED
    return str(fitted.status_)


def _refuse_only_errors(results: list[_Scored]) -> None:
    """Raise the first error if no fit came as far as to train."""
    errors = [result.error for result in results]
    if errors[0] is not None and all(errors):
        raise errors[0]


def _constant(
    estimator: Estimator, scorer: Scorer, own_score: bool, y: TargetsLike, part: _Part
) -> float:
    """Score of the best constant prediction for the training rows."""
    train, held_out = part
    dummy = DummyClassifier(strategy="prior") if is_classifier(estimator) else DummyRegressor()
    dummy.fit(np.zeros((len(train), 1)), _safe_indexing(y, train))
    rows = np.zeros((len(held_out), 1)), _safe_indexing(y, held_out)
    return float(dummy.score(*rows) if own_score else scorer(dummy, *rows))


def _counted(
    by_name: dict[str, list[_Scored]], constants: list[float], floor: bool
) -> dict[str, list[Any]]:
    """Columns of the table: scores, the constant's where there is none; statuses."""
    pairs = {name: list(zip(found, constants, strict=True)) for name, found in by_name.items()}
    scores = {
        name: [
            constant
            if not np.isfinite(result.score) or (floor and result.score < constant)
            else result.score
            for result, constant in pair
        ]
        for name, pair in pairs.items()
    }
    statuses = {f"{name}_status": [r.status for r in found] for name, found in by_name.items()}
    return {**scores, "constant": constants, **statuses}


def _score_name(estimator: Estimator, scoring: ScoringLike) -> str:
    if scoring is None:
        return "accuracy" if is_classifier(estimator) else "R²"
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")

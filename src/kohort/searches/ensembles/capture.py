"""Getting at the fitted estimators and the splits of scikit-learn's searches, which drop both."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _num_samples

from kohort.arrays import Estimator, FitOptions, Splitter, TableLike, TargetsLike
from kohort.errors import KohortError, ParameterError, explain

Split = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Numbers of the rows to train on, and of those to test on."""

Evaluate = Callable[..., dict[str, Any]]
"""scikit-learn's `evaluate_candidates`, which gives the results so far."""

_OPTIONS = "fit_and_score_kwargs"
"""Name of the local variable in scikit-learn's `BaseSearchCV.fit` (1.7 to 1.9) with the options of
each fit, of which `return_estimator` is one that no search passes."""


class Captured:
    """The splits of a search and the fitted estimators of its folds.

    Attributes
    ----------
    splits : list of (array, array)
    estimators : list of list of estimator or None, shape (candidate, fold)
        None for a fit that failed.
    """

    def __init__(self) -> None:
        self.splits: list[Split] = []
        self.estimators: list[list[Estimator | None]] = []

    def by(self, evaluate: Evaluate, cv: Splitter) -> Evaluate:
        """scikit-learn's `evaluate_candidates`, keeping the estimators that it drops.

        Parameters
        ----------
        evaluate : callable
            The function that scikit-learn hands to a search's `_run_search`.
        cv : cross-validator
            Splits the rows.

        Raises
        ------
        KohortError
            If scikit-learn's searches are no longer what they were.
        """
        options = inspect.getclosurevars(evaluate).nonlocals.get(_OPTIONS)
        if not isinstance(options, dict):
            raise KohortError(
                "Models of folds cannot be kept with this version of scikit-learn. Install one "
                "from 1.7 to 1.9, or search with keep_fold_models=False."
            )
        options["return_estimator"] = True
        splitter = _Recorded(cv, self.splits)

        def evaluating(candidates: Iterable[dict[str, Any]], **more: Any) -> dict[str, Any]:
            return evaluate(candidates, cv=splitter, **more)

        return evaluating

    def take(self, fits: list[dict[str, Any]], folds: int) -> None:
        """Take the estimators out of the fits' results, candidate by candidate."""
        fitted = [fit.pop("estimator") for fit in fits]
        pairs = zip(fits, fitted, strict=True)
        whole = [None if fit["fit_error"] else estimator for fit, estimator in pairs]
        self.estimators = [whole[at : at + folds] for at in range(0, len(whole), folds)]


class _Recorded:
    """A cross-validator whose splits are noted, once they are such that an ensemble can be made."""

    def __init__(self, cv: Splitter, splits: list[Split]) -> None:
        self.cv, self.splits = cv, splits

    def split(self, X: TableLike, y: TargetsLike = None, **params: FitOptions) -> list[Split]:
        found = [(np.asarray(a), np.asarray(b)) for a, b in self.cv.split(X, y, **params)]
        check_splits(found, _num_samples(X))
        self.splits[:] = found
        return found


def check_splits(splits: Sequence[Split], rows: int) -> None:
    """Refuse splits whose models cannot be averaged by their predictions for rows left out.

    Raises
    ------
    ParameterError
        If there are fewer than two folds, or rows that no fold leaves out.
    """
    if len(splits) < 2:
        requirement = "of at least two folds where their models are kept for an ensemble"
        raise ParameterError(explain("cv", requirement, len(splits), "Use 5."))
    missing = rows - len(np.unique(np.concatenate([test for _, test in splits])))
    if missing:
        raise ParameterError(
            explain(
                "cv",
                "one that leaves each row out of some fold, where models are kept for an ensemble",
                f"one that leaves {missing} of {rows} rows out of none",
                "Use KFold, StratifiedKFold, GroupKFold or a repetition of them.",
            )
        )

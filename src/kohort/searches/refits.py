"""When the refit of a search's best candidate comes to nothing, the next best one is taken."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from kohort.arrays import Estimator, FitOptions, TableLike, TargetsLike
from kohort.errors import CancelledError, RefitWarning, shown

MOST = 10
"""Candidates that are tried after the best one."""


def next_best(results: Mapping[str, Any], metric: str, best: int) -> Iterator[int]:
    """Numbers of the candidates after the best one, by their rank; those without a score are none.

    Parameters
    ----------
    results : mapping
        `cv_results_` of a search.
    metric : str
    best : int

    Examples
    --------
    >>> results = {"rank_test_score": [2, 1, 3, 4], "mean_test_score": [0.5, 0.6, 0.4, np.nan]}
    >>> list(next_best(results, "score", best=1))
    [0, 2]
    """
    order = np.argsort(results[f"rank_test_{metric}"], kind="stable")
    ranked = [int(n) for n in order if np.isfinite(results[f"mean_test_{metric}"][n])]
    yield from [number for number in ranked if number != best][:MOST]


class RefitsNextBest:
    """A search whose best estimator is the best candidate that can be fitted on all rows.

    Attributes
    ----------
    refit_failures_ : dict
        From the number of each candidate whose refit failed to its error; empty if none did.
    """

    estimator: Estimator
    refit: Any
    best_index_: int
    best_params_: Mapping[str, Any]
    cv_results_: dict[str, Any]
    multimetric_: bool
    refit_failures_: dict[int, Exception]

    def fit(self, X: TableLike, y: TargetsLike = None, **params: FitOptions) -> Self:
        before = vars(self).get("best_estimator_")
        self.refit_failures_ = {}
        try:
            super().fit(X, y, **params)  # type: ignore[misc]
        except CancelledError:
            raise
        except Exception as error:
            begun = vars(self).get("best_estimator_") is not before
            if not begun or callable(self.refit) or not self._refits_next(error, X, y, params):
                raise
        return self

    def _refits_next(
        self, error: Exception, X: TableLike, y: TargetsLike, params: Mapping[str, Any]
    ) -> bool:
        """Take the next best candidate that can be fitted, if any can."""
        metric, best = self.refit if self.multimetric_ else "score", self.best_index_
        routed = self._get_routed_params_for_fit(params)  # type: ignore[attr-defined]
        given = (X,) if y is None else (X, y)
        self.refit_failures_ = {best: error}
        for number in next_best(self.cv_results_, metric, best):
            chosen = self.cv_results_["params"][number]
            estimator = clone(self.estimator).set_params(**clone(chosen, safe=False))
            start = time.time()
            try:
                estimator.fit(*given, **routed.estimator.fit)
            except CancelledError:
                raise
            except Exception as failure:
                self.refit_failures_[number] = failure
                continue
            self.refit_time_ = time.time() - start
            self._take_best(number, estimator, metric)
            warnings.warn(
                f"The refit of the best candidate, {shown(self.cv_results_['params'][best])}, "
                f"failed ({type(error).__name__}: {error}) `best_estimator_` is the next best one "
                f"that could be fitted, {shown(chosen)}.",
                RefitWarning,
                stacklevel=4,
            )
            return True
        return False

    def _take_best(self, number: int, estimator: Estimator, metric: str) -> None:
        """Set the attributes that scikit-learn sets of the best candidate and after a refit."""
        self.best_index_, self.best_estimator_ = number, estimator
        self.best_params_ = self.cv_results_["params"][number]
        self.best_score_ = self.cv_results_[f"mean_test_{metric}"][number]
        if hasattr(estimator, "feature_names_in_"):
            self.feature_names_in_ = estimator.feature_names_in_
        scorers, _ = self._get_scorers()  # type: ignore[attr-defined]
        self.scorer_ = scorers._scorers if self.multimetric_ else scorers

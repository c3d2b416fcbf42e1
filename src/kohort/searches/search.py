"""scikit-learn's searches, with all fits trained as one cohort."""

from __future__ import annotations

import re
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Self

import numpy as np
from sklearn import model_selection

from kohort.arrays import (
    Estimator,
    FitOptions,
    GridLike,
    ScoringLike,
    Splitter,
    TableLike,
    TargetsLike,
)
from kohort.cohort.kept import keep, keeping, kept
from kohort.cohort.together import together
from kohort.engine.programs import compilations
from kohort.estimators.reprs import RichReprMixin, leaders_html
from kohort.searches.ensembles.keeping import KeepsFoldModels
from kohort.searches.refits import RefitsNextBest

_FOLD = re.compile(r"split(\d+)_test_")

KEPT = (
    "This was the refit of the best candidate; the search's results are kept in its `cv_results_`, "
    "`best_params_` and `cohort_record_`."
)


class TogetherMixin(KeepsFoldModels, RefitsNextBest, RichReprMixin):
    """A search whose `fit` runs inside `kohort.together()`."""

    def fit(self, X: TableLike, y: TargetsLike = None, **params: FitOptions) -> Self:
        """Run the search, all of its fits as one cohort.

        Parameters
        ----------
        X : array-like, DataFrame or list of paths, shape (row, feature)
            Features, as the estimator takes them.
        y : array-like, shape (row,) or (row, target), default=None
            Targets.
        **params : object
            Arguments of the estimator's `fit`, and of the splitter and the scorer, such as
            `groups`; as in scikit-learn.

        Returns
        -------
        self
            The search with its results.
        """
        with together() as cohort, compilations() as programs, keeping():
            before, times, start = len(cohort.record), cohort.times(), time.perf_counter()
            try:
                super().fit(X, y, **params)
            except Exception as error:
                if (note := kept().strip()) and note not in str(error):
                    error.add_note(note)
                raise
            finally:
                self.cohort_record_ = cohort.record[before:]
                seconds = asdict(cohort.times() - times)
                wall = time.perf_counter() - start
                seconds["idle"] = max(0.0, wall * cohort.threads - sum(seconds.values()))
                self.cohort_times_ = {
                    "wall": wall,
                    "threads": cohort.threads,
                    "seconds": seconds,
                    "programs": len(programs),
                    "programs_from_cache": sum(program.cached for program in programs),
                }
        return self

    def _format_results(
        self,
        candidate_params: list[dict[str, Any]],
        n_splits: int,
        out: list[dict[str, Any]],
        more_results: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The results of all folds, kept before the refit, which may come to nothing.

        scikit-learn (1.7 to 1.9) calls this once its folds are scored, and sets the attributes
        only when the refit has ended.
        """
        self.fit_failures_ = dict(Counter(fit["fit_error"] for fit in out if fit["fit_error"]))
        with warnings.catch_warnings():
            if all(map(_told, out)):
                warnings.filterwarnings("ignore", "One or more of the (test|train) scores are non-")
            results: dict[str, Any] = super()._format_results(
                candidate_params, n_splits, out, more_results
            )
        self.cv_results_ = results
        self.n_splits_ = len({found[1] for name in results if (found := _FOLD.match(name))})
        if self.refit:
            keep(KEPT)
        return results

    def _learned_html(self) -> str:
        return leaders_html(self)


def _told(fit: dict[str, Any]) -> bool:
    """Whether a score that is not finite is that of a fit whose error scikit-learn has told of."""
    scores = fit["test_scores"]
    values = list(scores.values()) if isinstance(scores, dict) else scores
    return bool(fit["fit_error"]) or bool(np.isfinite(values).all())


class GridSearchCV(TogetherMixin, model_selection.GridSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.GridSearchCV` whose `fit` runs inside `kohort.together()`.

    Results and attributes are scikit-learn's, and those below.

    Parameters
    ----------
    estimator : estimator
        The estimator whose parameters are searched; kohort's train as one cohort.
    param_grid : dict or list of dict
        Values to try, by the names of parameters.
    scoring : str, callable, list, dict or None, default=None
        Score of a candidate, as in scikit-learn; None for the estimator's own `score`.
    n_jobs : int or None, default=None
        Fits of estimators that are not kohort's that run at once. kohort's use all cores anyway.
    refit : bool, str or callable, default=True
        As in scikit-learn; or `"ensemble"`: no model is fitted again, and `best_estimator_` is the
        weighted average of the models of the folds that `kohort.ensemble_of` gives.
    cv : int, splitter, iterable or None, default=None
        Folds, as in scikit-learn; None for 5.
    verbose : int, default=0
        How much scikit-learn prints.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of tasks that scikit-learn hands out at once.
    error_score : "raise" or float, default=nan
        Score of a fit that ends in an error.
    return_train_score : bool, default=False
        Whether to score the training rows too.
    keep_fold_models : bool, default=False
        Whether to keep the models of the folds (those of the 50 best candidates) and their
        predictions of the rows left out, for `kohort.ensemble_of`. `refit="ensemble"` keeps them
        too.

    Attributes
    ----------
    fold_models_ : FoldModels
        The kept models of the folds.
    refit_failures_ : dict
        Errors of refits by the number of the candidate. When the refit of the best candidate
        fails, the next best one that can be fitted is taken, with a warning; the `best_`
        attributes are then those of the candidate that was taken.
    cohort_record_ : list of Record
        One record per kohort fit with its end, in the order in which the search asked for them.
    fit_failures_ : dict
        Number of fits in the folds that ended in an error, by the reason. Errors that the same
        line raised are one reason, in the words of the first.
    cohort_times_ : dict
        `wall`, seconds that `fit` took; `threads`, number of threads that trained; `seconds`, the
        seconds of all threads by activity (`compile`, `train`, `host` and `idle`, which add up to
        wall x threads); `programs`, number of programs that the search needed;
        `programs_from_cache`, number of those that an earlier process had compiled.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import kohort
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = kohort.GridSearchCV(
    ...     kohort.DenseRegressor(width=16, epochs=5, random_state=0),
    ...     {"learning_rate": [1e-3, 1e-2]},
    ...     cv=3,
    ... )
    >>> search.fit(X, y).best_params_
    {'learning_rate': 0.01}
    """

    def __init__(
        self, estimator: Estimator, param_grid: GridLike, *, scoring: ScoringLike = None,
        n_jobs: int | None = None, refit: bool | str | Callable[..., int] = True,
        cv: Splitter = None, verbose: int = 0, pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan, return_train_score: bool = False,
        keep_fold_models: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            estimator, param_grid, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
            verbose=verbose, pre_dispatch=pre_dispatch, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        self.keep_fold_models = keep_fold_models


class RandomizedSearchCV(TogetherMixin, model_selection.RandomizedSearchCV):  # type: ignore[misc]
    """`sklearn.model_selection.RandomizedSearchCV` whose `fit` runs inside `kohort.together()`.

    Results and attributes are scikit-learn's, and those below.

    Parameters
    ----------
    estimator : estimator
        The estimator whose parameters are searched; kohort's train as one cohort.
    param_distributions : dict or list of dict
        Lists of values, or distributions to draw from, by the names of parameters.
    n_iter : int, default=10
        Number of candidates, >= 1.
    scoring : str, callable, list, dict or None, default=None
        Score of a candidate, as in scikit-learn; None for the estimator's own `score`.
    n_jobs : int or None, default=None
        Fits of estimators that are not kohort's that run at once. kohort's use all cores anyway.
    refit : bool, str or callable, default=True
        As in scikit-learn; or `"ensemble"`: no model is fitted again, and `best_estimator_` is the
        weighted average of the models of the folds that `kohort.ensemble_of` gives.
    cv : int, splitter, iterable or None, default=None
        Folds, as in scikit-learn; None for 5.
    verbose : int, default=0
        How much scikit-learn prints.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of tasks that scikit-learn hands out at once.
    random_state : int, RandomState instance or None, default=None
        Fixes the candidates.
    error_score : "raise" or float, default=nan
        Score of a fit that ends in an error.
    return_train_score : bool, default=False
        Whether to score the training rows too.
    keep_fold_models : bool, default=False
        Whether to keep the models of the folds (those of the 50 best candidates) and their
        predictions of the rows left out, for `kohort.ensemble_of`. `refit="ensemble"` keeps them
        too.

    Attributes
    ----------
    fold_models_ : FoldModels
        The kept models of the folds.
    refit_failures_ : dict
        Errors of refits by the number of the candidate. When the refit of the best candidate
        fails, the next best one that can be fitted is taken, with a warning; the `best_`
        attributes are then those of the candidate that was taken.
    cohort_record_ : list of Record
        One record per kohort fit with its end, in the order in which the search asked for them.
    fit_failures_ : dict
        Number of fits in the folds that ended in an error, by the reason. Errors that the same
        line raised are one reason, in the words of the first.
    cohort_times_ : dict
        `wall`, seconds that `fit` took; `threads`, number of threads that trained; `seconds`, the
        seconds of all threads by activity (`compile`, `train`, `host` and `idle`, which add up to
        wall x threads); `programs`, number of programs that the search needed;
        `programs_from_cache`, number of those that an earlier process had compiled.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_diabetes
    >>> import kohort
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = kohort.RandomizedSearchCV(
    ...     kohort.DenseRegressor(width=16, epochs=5, random_state=0),
    ...     {"learning_rate": loguniform(1e-3, 1e-2)},
    ...     n_iter=3,
    ...     cv=3,
    ...     random_state=0,
    ... )
    >>> len(search.fit(X, y).cohort_record_)
    10
    """

    def __init__(
        self, estimator: Estimator, param_distributions: GridLike, *, n_iter: int = 10,
        scoring: ScoringLike = None, n_jobs: int | None = None,
        refit: bool | str | Callable[..., int] = True, cv: Splitter = None, verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: int | np.random.RandomState | None = None,
        error_score: float | str = np.nan, return_train_score: bool = False,
        keep_fold_models: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            estimator, param_distributions, n_iter=n_iter, scoring=scoring, n_jobs=n_jobs,
            refit=refit, cv=cv, verbose=verbose, pre_dispatch=pre_dispatch,
            random_state=random_state, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        self.keep_fold_models = keep_fold_models

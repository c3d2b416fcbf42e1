"""Searches that keep the models of their folds, and end in an ensemble of them if asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from sklearn.base import is_classifier

from kohort.arrays import Estimator, FitOptions, TableLike, TargetsLike
from kohort.errors import ParameterError, explain, hint
from kohort.recipe.constraints import check, flag
from kohort.searches.ensembles.capture import Captured, Evaluate
from kohort.searches.ensembles.ensemble import ensemble_of
from kohort.searches.ensembles.fold_models import FoldModels

ENSEMBLE = "ensemble"
"""The `refit` of a search whose best estimator is an ensemble, so that nothing is fitted again."""


class KeepsFoldModels:
    """A search of scikit-learn's that can keep the models of its folds; for a mixin's `fit`.

    Parameters
    ----------
    keep_fold_models : bool
    refit : bool, str or callable
        scikit-learn's, or `"ensemble"`.
    """

    refit: Any
    scoring: Any
    estimator: Estimator
    keep_fold_models: bool
    fold_models_: FoldModels
    _captured: Captured | None = None

    @property
    def _keeps(self) -> bool:
        return bool(self.keep_fold_models) or self.refit == ENSEMBLE

    def fit(self, X: TableLike, y: TargetsLike = None, **params: FitOptions) -> Self:
        check("keep_fold_models", self.keep_fold_models, flag())
        self._check_refit()
        self.__dict__.pop("fold_models_", None)
        if not self._keeps:
            return super().fit(X, y, **params)  # type: ignore[misc]
        self._check_kept()
        with self._capturing() as captured:
            super().fit(X, y, **params)  # type: ignore[misc]
        start = time.perf_counter()
        scores = self.cv_results_[f"mean_test_{self._metric}"]  # type: ignore[attr-defined]
        self.fold_models_ = FoldModels.of(captured.estimators, scores, captured.splits, X, y)
        if self.refit == ENSEMBLE:
            self.best_estimator_ = ensemble_of(self)
            self.refit_time_ = time.perf_counter() - start
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        return self

    def _check_refit(self) -> None:
        """Refuse a misspelt "ensemble": with one metric any other text means True."""
        several = isinstance(self.scoring, list | tuple | set | dict)
        if not several and isinstance(self.refit, str) and self.refit != ENSEMBLE:
            wanted = f"True, False, {ENSEMBLE!r} or a callable"
            if near := hint(self.refit, [ENSEMBLE]):
                raise ParameterError(explain("refit", wanted, self.refit, near))

    def _check_kept(self) -> None:
        """Refuse, before anything trains, settings of which no ensemble can be made."""
        if self.refit == ENSEMBLE and isinstance(self.scoring, list | tuple | set | dict):
            requirement = "the name of one of several metrics, True, False or a callable"
            remedy = "Search with one metric, or take kohort.ensemble_of(search) afterwards."
            raise ParameterError(explain("refit", requirement, self.refit, remedy))
        if is_classifier(self.estimator) and not hasattr(self.estimator, "predict_proba"):
            requirement = "one that predicts probabilities, where models are kept for an ensemble"
            raise ParameterError(explain("estimator", requirement, self.estimator))

    @property
    def _metric(self) -> str:
        """Name of the metric that the candidates are ranked by."""
        if not self.multimetric_:  # type: ignore[attr-defined]
            return "score"
        if self.refit not in self.scorer_:  # type: ignore[attr-defined]
            requirement = "the name of a metric, where fold models are kept and there are several"
            raise ParameterError(explain("refit", requirement, self.refit))
        return str(self.refit)

    @contextmanager
    def _capturing(self) -> Iterator[Captured]:
        """Capture the estimators that scikit-learn drops; to it, an ensemble means no refit."""
        given, self._captured = self.refit, Captured()
        self.refit = False if given == ENSEMBLE else given
        try:
            yield self._captured
        finally:
            self.refit, self._captured = given, None

    def _run_search(self, evaluate_candidates: Evaluate, *, callback_ctx: object = None) -> None:
        """Search; scikit-learn 1.9 hands over a context for callbacks, older ones do not."""
        more = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        if self._captured is not None:
            cv = self._checked_cv_orig  # type: ignore[attr-defined]
            evaluate_candidates = self._captured.by(evaluate_candidates, cv)
        super()._run_search(evaluate_candidates, **more)  # type: ignore[misc]

    def _format_results(
        self, candidate_params: list[dict[str, Any]], n_splits: int, out: list[dict[str, Any]],
        more_results: dict[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The results of all folds; each fit's estimator is taken out of its result."""
        if self._captured is not None:
            self._captured.take(out, n_splits)
        results: dict[str, Any] = super()._format_results(  # type: ignore[misc]
            candidate_params, n_splits, out, more_results
        )
        return results

"""The part of an adaptive search that scikit-learn's `fit` calls: many rounds in place of one."""

from __future__ import annotations

import traceback
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection._search import BaseSearchCV

from kohort.arrays import CallbackContext, Estimator, FitOptions, Splitter, TableLike, TargetsLike
from kohort.searches.adaptive.candidate import Candidate
from kohort.searches.adaptive.ranking import ranks
from kohort.searches.adaptive.rounds import Rounds
from kohort.searches.adaptive.same_splits import SameSplits
from kohort.searches.adaptive.stand_in import StandIn

Results = dict[str, Any]
Fits = list[dict[str, Any]]


class RunsInRounds(BaseSearchCV):  # type: ignore[misc]
    """A search of scikit-learn's that trains and scores its candidates round by round.

    It stands below whatever forms and keeps results; above that, `_format_results` hands each
    round's fits to `_take`. The methods that scikit-learn calls are those of 1.7 to 1.9.
    """

    _stand: StandIn | None = None
    _batch: list[Candidate] | None = None
    _seen: int
    _known: Results
    _checked_cv_orig: Splitter

    @abstractmethod
    def _rounds(self) -> Rounds:
        """The rounds of this search: a generator of batches of candidates."""

    @abstractmethod
    def _score(self, candidate: Candidate) -> float:
        """The scorer that candidates are judged by; greater is better."""

    def fit(self, X: TableLike, y: TargetsLike = None, **params: FitOptions) -> Self:
        given, self._stand = self.estimator, StandIn(self.estimator)
        self.estimator: Estimator = self._stand.estimator
        try:
            super().fit(X, y, **params)
        finally:
            self.estimator, self._stand, self._batch = given, None, None
        return self

    def _check_input_parameters(self, X: TableLike, y: TargetsLike, split_params: object) -> None:
        self._checked_cv_orig = SameSplits(self._checked_cv_orig)

    def _run_search(
        self, evaluate_candidates: Callable[..., object], *, callback_ctx: CallbackContext = None
    ) -> None:
        self._seen, self._known = 0, {}
        rounds, context = self._rounds(), None
        if callback_ctx is not None:
            context = callback_ctx.subcontext(task_name="search", max_subtasks=None)
            context.call_on_fit_task_begin(estimator=self)

        def evaluate(batch: list[Candidate]) -> None:
            more = {}
            if context is not None:
                count = len(batch) * self.n_splits_
                inner = context.subcontext(
                    task_name="round", max_subtasks=count, sequential_subtasks=False
                )
                more["callback_ctx"] = inner.call_on_fit_task_begin(estimator=self)
            self._evaluate(rounds, batch, partial(evaluate_candidates, **more))
            if context is not None:
                inner.call_on_fit_task_end(estimator=self)

        rounds.run(evaluate, self._score)
        if context is not None:
            context.call_on_fit_task_end(estimator=self)
        self._conclude(rounds)

    def _evaluate(
        self, rounds: Rounds, batch: list[Candidate], evaluate: Callable[..., object]
    ) -> None:
        """Train and score candidates in all folds."""
        assert self._stand is not None
        self._batch = batch
        self._stand.expect(
            [
                partial(fold.armed, self._stand.given, rounds.until(candidate))
                for candidate in batch
                for fold in candidate.folds
            ]
        )
        if self.verbose > 0:
            print(rounds.described(batch), flush=True)
        try:
            evaluate([candidate.parameters for candidate in batch])
        except ValueError as error:
            if not self._failed(rounds, batch):
                raise
            warnings.warn(str(error), FitFailedWarning, stacklevel=2)

    def _take(self, fits: Fits) -> Results:
        """Give each candidate of the round its fits, the last of all that were made."""
        assert self._batch is not None
        new, folds = fits[self._seen :], self.n_splits_
        self._seen = len(fits)
        for place, candidate in enumerate(self._batch):
            candidate.take(new[place * folds : (place + 1) * folds])
        return self._known

    def _failed(self, rounds: Rounds, batch: list[Candidate]) -> bool:
        """Whether scikit-learn has raised an error because every fit of a round failed.

        That says nothing about the search unless it is the first round: the candidates get the
        score of errors, as they do where others of their round succeed.
        """
        known = next((each.fits for each in rounds.candidates if each.fits), None)
        errors = [fold.error for candidate in batch for fold in candidate.folds]
        if known is None or self.error_score == "raise" or None in errors:
            return False

        def scores(like: object) -> object:
            if isinstance(like, Mapping):
                return dict.fromkeys(like, self.error_score)
            return self.error_score

        for candidate in batch:
            fits = []
            for fold, fit in zip(candidate.folds, known, strict=True):
                own = fit | {"fit_time": 0.0, "score_time": 0.0}
                own |= {n: scores(fit[n]) for n in ("test_scores", "train_scores") if n in fit}
                assert fold.error is not None
                own["fit_error"] = "".join(traceback.format_exception(fold.error))
                fits.append(own)
            candidate.take(fits)
        return True

    def _conclude(self, rounds: Rounds) -> None:
        """The results of all rounds, a row for each candidate."""
        self._batch = None
        found = rounds.candidates
        rungs = [candidate.rung for candidate in found]
        epochs = [[fold.epochs for fold in candidate.folds] for candidate in found]
        completed = [candidate.completed for candidate in found]
        self.n_epochs_ = int(np.sum(epochs))
        more = {"rung": rungs, "epochs": np.mean(epochs, axis=1), "completed": completed}
        fits = [fit for candidate in found for fit in candidate.fits]
        parameters = [candidate.parameters for candidate in found]
        results = self._format_results(parameters, self.n_splits_, fits, more)
        for name in [name for name in results if name.startswith("rank_test_")]:
            means = results[name.replace("rank_", "mean_", 1)]
            results[name] = ranks(means, completed, rungs)
        self._known.update(results)

"""`AdaptiveSearchCV`: candidates that pause at rungs, of which the best go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kohort.arrays import (
    Estimator,
    RandomStateLike,
    SamplerLike,
    ScoringLike,
    SpaceLike,
    Splitter,
    StorageLike,
)
from kohort.errors import ParameterError, explain
from kohort.recipe.constraints import Exactly, Interval, OneOf, Satisfies, check, optional
from kohort.searches.adaptive.candidate import Candidate
from kohort.searches.adaptive.fold_fit import last_step, refuse_unless_it_pauses
from kohort.searches.adaptive.halving import Halving
from kohort.searches.adaptive.in_rounds import RunsInRounds
from kohort.searches.adaptive.optuna_sampler import OptunaSampler
from kohort.searches.adaptive.rounds import Rounds
from kohort.searches.adaptive.samplers import RandomSampler, Sampler
from kohort.searches.search import TogetherMixin

_FIRST = 6
"""Into how many parts of the estimator's epochs the first rung falls, where it is not given."""

_PLANNED = ("epochs", "initial_epoch")
"""Ends of the names of parameters that say for how many epochs a fit trains."""


class AdaptiveSearchCV(TogetherMixin, RunsInRounds):  # type: ignore[misc]
    """Search that gives most epochs to the best candidates, and tries further ones near them.

    All folds of a candidate train up to a *rung*, a number of epochs, and pause there. The search's
    scorer judges them on the rows left out. A candidate goes on to the next rung, from its own
    state, so that no epoch is trained twice, once it is among the best 1 / `reduction_factor` of
    all that have come to its rung; that may be later, when further ones have come. It is pruned
    when that can no longer be. Those that go on and the new candidates of a round train as one
    cohort, as in `kohort.together()`. Decisions depend on scores and on the order of rungs and
    candidates alone: a seed gives one result, whatever the number of cores.

    Results and attributes are those of scikit-learn's searches, and those below.

    Parameters
    ----------
    estimator : estimator
        With `pruner="asha"` a Dense, Conv or Keras estimator of kohort's, alone or as the last step
        of a pipeline, whose other steps are fitted once for each candidate and fold.
    param_distributions : dict or list of dict
        As that of `RandomizedSearchCV`. Lists are categories to Optuna; SciPy's `uniform`,
        `loguniform` and `randint` are ranges; values of other distributions are drawn without
        regard to the scores.
    n_candidates : int, default=60
        Number of candidates in all, >= 1.
    sampler : {"tpe", "random"} or optuna.samplers.BaseSampler, default="tpe"
        The source of candidates: Optuna's TPE with a constant liar (Falkner et al. 2018,
        arXiv:1807.01774, describe one with halving), scikit-learn's `ParameterSampler`, or another
        sampler of Optuna's, such as `CmaEsSampler()`.
    pruner : {"asha", None}, default="asha"
        Successive halving by rungs; None trains every candidate to its end.
    reduction_factor : int, default=3
        Ratio of the epochs of a rung to those of the rung before, >= 2.
    min_epochs : int or None, default=None
        Epochs of the first rung, >= 1; None for a sixth of the estimator's `epochs`.
    n_slots : int, default=4
        Candidates that train in a round, >= 1: those that go on, and new ones from the sampler. A
        smaller number makes the choice of each better informed, a larger one keeps more cores busy.
    storage : str, optuna.storages.BaseStorage or None, default=None
        Where Optuna keeps the study, such as `"sqlite:///optuna.db"`; None for memory.
    study_name : str or None, default=None
        Name of the study; the search goes on with a study of this name if there is one.
    scoring : str, callable, list, dict or None, default=None
        Score of a candidate, as in scikit-learn; None for the estimator's own `score`.
    n_jobs : int or None, default=None
        Fits of estimators that are not kohort's that run at once. kohort's use all cores anyway.
    refit : bool, str or callable, default=True
        As that of `kohort.RandomizedSearchCV`. With several metrics it must name the metric that
        candidates are judged by.
    cv : int, splitter, iterable or None, default=None
        Folds, as in scikit-learn; None for 5.
    verbose : int, default=0
        How much scikit-learn prints.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of tasks that scikit-learn hands out at once.
    random_state : int, RandomState instance or None, default=None
        Fixes the candidates; a sampler of Optuna's has a seed of its own.
    error_score : "raise" or float, default=nan
        Score of a fit that ends in an error.
    return_train_score : bool, default=False
        Whether to score the training rows too.
    keep_fold_models : bool, default=False
        As that of `kohort.RandomizedSearchCV`.

    Attributes
    ----------
    cv_results_ : dict of arrays
        scikit-learn's columns with a value per candidate: scores at its latest rung, times over all
        rungs. Further columns are `rung` (the number of the latest rung, from 0), `epochs` (mean
        over the folds) and `completed` (whether the candidate trained to its end). Completed
        candidates rank first, since the refit trains to the end, then those of higher rungs.
    n_epochs_ : int
        Epochs trained in all folds of all candidates.
    study_ : optuna.Study
        The study of a sampler of Optuna's: one trial per candidate, with the scores of its rungs by
        epochs.
    cohort_record_, fit_failures_, cohort_times_, fold_models_
        As those of `kohort.RandomizedSearchCV`.

    Notes
    -----
    Waiting for a whole round is what the determinism costs: where there are more cores than fits of
    a round, or one fit is much longer than the others, cores wait. `n_slots` makes rounds larger.
    Candidates that pause keep weights and the state of their optimizers: at each rung a share of
    1 / `reduction_factor` of the candidates at most.

    References
    ----------
    Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020
    (arXiv:1810.05934).

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_diabetes
    >>> import kohort
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = kohort.AdaptiveSearchCV(
    ...     kohort.DenseRegressor(width=16, epochs=27, random_state=0),
    ...     {"learning_rate": loguniform(1e-4, 1e-1), "depth": [1, 2]},
    ...     n_candidates=12,
    ...     cv=3,
    ...     random_state=0,
    ... )
    >>> search.fit(X, y).n_epochs_ < 12 * 3 * 27 / 2
    True
    """

    def __init__(
        self, estimator: Estimator, param_distributions: SpaceLike, *, n_candidates: int = 60,
        sampler: SamplerLike = "tpe", pruner: str | None = "asha", reduction_factor: int = 3,
        min_epochs: int | None = None, n_slots: int = 4, storage: StorageLike = None,
        study_name: str | None = None, scoring: ScoringLike = None, n_jobs: int | None = None,
        refit: bool | str | Callable[..., int] = True, cv: Splitter = None, verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs", random_state: RandomStateLike = None,
        error_score: float | str = np.nan, return_train_score: bool = False,
        keep_fold_models: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            estimator, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
            pre_dispatch=pre_dispatch, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        self.param_distributions = param_distributions
        self.n_candidates = n_candidates
        self.sampler = sampler
        self.pruner = pruner
        self.reduction_factor = reduction_factor
        self.min_epochs = min_epochs
        self.n_slots = n_slots
        self.storage = storage
        self.study_name = study_name
        self.random_state = random_state
        self.keep_fold_models = keep_fold_models

    def _check(self) -> None:
        """Refuse a bad parameter before anything trains."""
        check("n_candidates", self.n_candidates, Interval(1, math.inf, whole=True))
        check("reduction_factor", self.reduction_factor, Interval(2, math.inf, whole=True))
        check("min_epochs", self.min_epochs, optional(Interval(1, math.inf, whole=True)))
        check("n_slots", self.n_slots, Interval(1, math.inf, whole=True))
        check("pruner", self.pruner, optional(OneOf(("asha",))))
        if isinstance(self.sampler, str):
            check("sampler", self.sampler, OneOf(("tpe", "random")), "Or give one of Optuna's.")
        else:
            check("sampler", self.sampler, _ASKABLE)
        if self.sampler == "random":
            remedy = "Set sampler='tpe', or an optuna.samplers.RandomSampler."
            for name in ("storage", "study_name"):
                check(name, getattr(self, name), Exactly(None), remedy)
        if self.pruner is not None:
            self._check_pauses()
        if self._judges and isinstance(self.scoring, list | tuple | set | dict):
            check("refit", self.refit, OneOf(tuple(self.scoring)), "Candidates are judged by it.")

    def _check_pauses(self) -> None:
        """Refuse an estimator that cannot pause or ends too early, and a space of epochs."""
        last = last_step(self.estimator)
        refuse_unless_it_pauses(last)
        epochs = getattr(last, "epochs", None)
        if self.min_epochs is not None and isinstance(epochs, int) and self.min_epochs > epochs:
            requirement = f"no more than the {epochs} epochs of the estimator"
            remedy = "Nothing would be pruned; pruner=None says so."
            raise ParameterError(explain("min_epochs", requirement, self.min_epochs, remedy))
        space: Any = self.param_distributions
        parts = space if isinstance(space, list | tuple) else [space]
        for name in {name for part in parts for name in part}:
            if name.rpartition("__")[2] in _PLANNED:
                requirement = "without the number of epochs, which cannot change between rungs"
                remedy = (
                    "Set it on the estimator: the search decides how many of them each candidate "
                    "gets. Or set pruner=None."
                )
                raise ParameterError(explain("param_distributions", requirement, name, remedy))

    @property
    def _judges(self) -> bool:
        """Whether anything depends on scores before the search has ended."""
        return self.pruner is not None or self.sampler != "random"

    def _rounds(self) -> Rounds:
        self._check()
        sampler: Sampler
        if self.sampler == "random":
            space, count = self.param_distributions, self.n_candidates
            sampler = RandomSampler(space, count, self.random_state)
        else:
            known = (self.param_distributions, self.sampler, self.random_state)
            sampler = OptunaSampler(*known, self.storage, self.study_name)
            self.study_ = sampler.study
        halving = None
        if self.pruner is not None:
            halving = Halving(self._first_rung, self.reduction_factor)
        slots = self.n_slots if self._judges else self.n_candidates
        return Rounds(sampler, halving, slots, self.n_candidates, self.n_splits_)

    @property
    def _first_rung(self) -> int:
        epochs = getattr(last_step(self.estimator), "epochs", 1)
        return self.min_epochs or max(1, round(epochs / _FIRST))

    def _score(self, candidate: Candidate) -> float:
        scores = [fit["test_scores"] for fit in candidate.fits]
        if not self._judges:
            return math.nan
        if isinstance(scores[0], Mapping):
            check("refit", self.refit, OneOf(tuple(scores[0])), "Candidates are judged by it.")
            scores = [each[self.refit] for each in scores]
        return float(np.mean(scores))

    def _format_results(
        self,
        candidate_params: list[dict[str, Any]],
        n_splits: int,
        out: list[dict[str, Any]],
        more_results: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Of a round nothing yet; the results of all rounds once they are over."""
        if self._batch is not None:
            return self._take(out)
        return super()._format_results(candidate_params, n_splits, out, more_results)


_ASKABLE = Satisfies(
    lambda value: hasattr(value, "sample_relative"), '"tpe", "random" or a sampler of Optuna\'s'
)

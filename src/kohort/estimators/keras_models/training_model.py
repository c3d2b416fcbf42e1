"""A Keras estimator whose model trains: in a cohort, in one part or several, or in Keras's loop."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from kohort.arrays import TableLike, TargetsLike, WeightsLike
from kohort.engine.member import Outcome
from kohort.errors import KerasLoopWarning
from kohort.estimators.divergence import usable_weights
from kohort.estimators.keras_models.cohort_run import CohortRun
from kohort.estimators.keras_models.fitted import FittedModel
from kohort.estimators.keras_models.prepared import KerasPrepared
from kohort.estimators.keras_models.training import fit_in_keras
from kohort.estimators.parts import FitInParts, refuse_pauses
from kohort.studies.automatic import settled

if TYPE_CHECKING:
    from kohort.estimators.keras_models.estimator import KerasEstimator


class TrainingModel(FittedModel):
    """A Keras model that can be trained: it prepares, begins and ends a fit."""

    @abstractmethod
    def prepare(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None, **fit_params: object
    ) -> KerasPrepared:
        """Check the data and build the model, as `fit` does before it trains.

        Parameters
        ----------
        X, y, sample_weight : array-like
            Features, targets and weights of the rows, as in `fit`.
        **fit_params : object
            Arguments of Keras's `fit`; they override the estimator's parameters.

        Returns
        -------
        KerasPrepared
            Its `members` are the models that `fit` would train; `take(outcomes)` ends the fit.
        """

    def begin(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None, **fit_params: object
    ) -> FitInParts:
        """Prepare a training that may pause between epochs, as `fit` does before it trains.

        Parameters
        ----------
        X, y, sample_weight : array-like
            Features, targets and weights of the rows, as in `fit`.
        **fit_params : object
            Arguments of Keras's `fit`; they override the estimator's parameters.

        Returns
        -------
        FitInParts
            A training that stands before its first epoch.

        Raises
        ------
        ParameterError
            If only Keras's own loop can train the model.
        """
        prepared = settled(self, self.prepare(X, y, sample_weight, **fit_params))
        if prepared.obstacle:
            raise refuse_pauses(self, f"trains in Keras's own loop: {prepared.obstacle}")
        return self._begun(prepared)

    def _use(self, prepared: KerasPrepared) -> None:
        """Make the model of a prepared fit the estimator's own."""
        x, targets, _ = self._form
        self._form = x, targets, prepared.batch_size
        self._ready, self._found_rate = prepared.ready, prepared.changed_rate

    def _trained(self, prepared: KerasPrepared) -> Self:
        """Train in the cohort, or in Keras's own loop where the cohort cannot."""
        if not prepared.obstacle:
            return self._begun(prepared).train()
        prepared.put_rate()
        self._use(prepared)
        warnings.warn(
            f"{type(self).__name__} trains in Keras's own loop, not in a cohort: "
            f"{prepared.obstacle}.",
            KerasLoopWarning,
            stacklevel=4,
        )
        return prepared.take([fit_in_keras(prepared.ready, prepared.job)])

    def _begun(self, prepared: KerasPrepared) -> FitInParts:
        """A fit whose model is the estimator's own from now on."""
        prepared.put_rate()
        self._use(prepared)
        run = CohortRun(prepared.ready, prepared.job)

        def take(outcomes: Sequence[Outcome], ended: bool) -> KerasEstimator:
            taken = prepared.take([run.concluded(outcomes[0], ended)])
            self._epochs_seen = self._current_epoch = length(self.history_)
            return taken

        return FitInParts([run.member], run.train, take, run.drop)

    def _taken(self, prepared: KerasPrepared, outcome: Outcome) -> Self:
        self._use(prepared)
        self.status_, self.best_epoch_ = outcome.status, outcome.best_epoch
        if outcome.weights is None:
            self.history_ = outcome.history
        self._take(usable_weights([outcome], stacklevel=6), outcome.history)
        return self


def length(history: dict[str, list[float]]) -> int:
    """How many epochs a history tells of."""
    return max(map(len, history.values()), default=0)

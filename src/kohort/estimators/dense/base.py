"""The base of both dense estimators: `fit`, raw predictions, export."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from kohort.arrays import Floats, PathLike, TableLike, TargetsLike, ValidationLike, WeightsLike
from kohort.cohort.session import train_members
from kohort.data.parquet import ParquetTable
from kohort.engine.member import Logs, Member, Outcome, Verdict
from kohort.estimators.dense.continuing import TrainsAnew
from kohort.estimators.dense.epoch_callbacks import (
    CallbackSupportMixin,
    EpochCallbacks,
    with_callbacks,
)
from kohort.estimators.dense.export import keras_model
from kohort.estimators.dense.labels import labelled_rows
from kohort.estimators.dense.parameters import DenseParameters, check_own, recipe_fields
from kohort.estimators.dense.passes import DensePasses
from kohort.estimators.dense.persistence import save
from kohort.estimators.dense.prepared import CheckedRows, DensePrepared, scaled_and_split
from kohort.estimators.divergence import usable_weights
from kohort.estimators.parts import FitInParts, refuse_pauses
from kohort.estimators.preparation import (
    DTYPES,
    checked_table,
    floating_dtype,
    unpack_validation,
)
from kohort.estimators.reprs import RichReprMixin, training_html
from kohort.estimators.row_weights import (
    WEIGHT_OF_VALIDATION,
    as_floats,
    checked_weights,
    in_unit,
)
from kohort.estimators.scaling import Habits, Scaling
from kohort.networks.own.network import OwnNetwork
from kohort.recipe.recipe import Recipe
from kohort.runtime import require_jax
from kohort.studies.automatic import settled
from kohort.studies.diagnosis.diagnosing import diagnosis_of, setting_of, with_instruments
from kohort.studies.diagnosis.diagnosis import Diagnosis
from kohort.studies.prepared import AUTO, AUTOMATIC, is_auto
from kohort.studies.pretraining import pretrained


@dataclass(eq=False, repr=False)
class DenseEstimator(
    TrainsAnew,
    DensePasses,
    RichReprMixin,
    CallbackSupportMixin,  # type: ignore[misc]
    DenseParameters,
    BaseEstimator,  # type: ignore[misc]
):
    """Behaviour of `DenseRegressor` and `DenseClassifier`."""

    _rate_parameter = "learning_rate"

    @abstractmethod
    def _check_targets(self, y: TargetsLike, reset: bool) -> Floats:
        """Checked targets as (row, target); learns the target's form when `reset`."""

    @abstractmethod
    def _loss(self) -> str:
        """Name of the loss, with `"auto"` resolved."""

    @property
    @abstractmethod
    def _outputs(self) -> int:
        """Number of raw outputs of the network."""

    def _class_weights(self, targets: Floats) -> Floats | None:
        """Weight of each row from its class, or None."""
        return None

    def _labels(self, targets: Floats) -> NDArray[Any] | None:
        """Class codes to stratify by, or None."""
        return None

    def _target_scaling(self, targets: Floats, weight: Floats | None) -> Scaling:
        return Scaling.identity(targets.shape[1])

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None,
        validation_data: ValidationLike = None, X_unlabeled: TableLike = None,
    ) -> Self:  # fmt: skip
        """Train the network.

        Inside `kohort.together()` the call waits and trains with the other fits.

        Parameters
        ----------
        X : array-like, sparse, DataFrame or ParquetTable, shape (row, feature)
            Features. A sparse table is made dense a few rows at a time.
        y : array-like, shape (row,) or (row, target)
            Numbers for a regressor; labels, or a column of 0 and 1 per label, for a classifier.
        sample_weight : array-like, shape (row,), default=None
            Non-negative; scaled to a mean of 1 over the training rows.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Rows to monitor instead of a part of the training rows.
        X_unlabeled : array-like or DataFrame, shape (row, feature), default=None
            Further rows to pretrain on.

        Returns
        -------
        self
            The estimator with the trained network.

        Raises
        ------
        ParameterError
            If a parameter is out of range or unknown, or contradicts another.
        DataError, ValueError
            If the data cannot be used.
        DivergedError
            If the loss became NaN or infinite before any epoch left usable weights.
        """
        prepared = self.prepare(X, y, sample_weight, validation_data, X_unlabeled)
        return self._begun(prepared).train()

    def begin(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None,
        validation_data: ValidationLike = None, X_unlabeled: TableLike = None,
    ) -> FitInParts:  # fmt: skip
        """Prepare a training that may pause between epochs, as `fit` does before it trains.

        Parameters
        ----------
        X, y, sample_weight, validation_data, X_unlabeled : array-like
            Rows to train on, to monitor and to pretrain on, as in `fit`.

        Returns
        -------
        FitInParts
            A training that stands before its first epoch.

        Raises
        ------
        ParameterError
            If the estimator has callbacks of scikit-learn's: those expect one call of `fit`.
        """
        if EpochCallbacks.wanted(self):
            raise refuse_pauses(self, "has callbacks of scikit-learn's")
        return self._begun(self.prepare(X, y, sample_weight, validation_data, X_unlabeled))

    def prepare(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None,
        validation_data: ValidationLike = None, X_unlabeled: TableLike = None,
    ) -> DensePrepared:  # fmt: skip
        """Check, scale and split the data once, as `fit` does before it trains.

        Parameters
        ----------
        X, y, sample_weight, validation_data, X_unlabeled : array-like
            Rows to train on, to monitor and to pretrain on, as in `fit`.

        Returns
        -------
        DensePrepared
            Its `members` are the networks that `fit` would train; `take(outcomes)` ends the fit.
        """
        self._check_parameters()
        given = labelled_rows(self, X, y, sample_weight, X_unlabeled)
        targets = self._check_targets(given.y, reset=True)
        recipe = Recipe.of(**recipe_fields(self), loss=self._loss())
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        weight = self._weights(given.sample_weight, given.X, targets)
        validation = None if validation_data is None else self._validation(validation_data)
        self._target = self._target_scaling(targets, weight)
        share = self.validation_fraction if self.early_stopping and validation is None else None
        table, parts = scaled_and_split(
            (given.X, targets, weight),
            validation,
            given.unlabelled_values(self, DTYPES),
            self._target,
            self._seed,
            habits=Habits(
                bool(self.standardize), bool(self.scale_binary), self.input_clip, self.n_bins
            ),
            workers=0 if self.workers == AUTO else int(self.workers),
            fraction=None if share is None else float(share),
            labels=self._labels(targets),
        )
        self._scaling = table.scaling
        return DensePrepared(
            estimator=self,
            recipe=recipe,
            network=OwnNetwork.of(len(table.scaling.mean), self._outputs, recipe),
            table=table,
            parts=parts,
            seeds=tuple(self._seeds(self.n_networks)),
            automatic=self._automatic(given.X),
            given=given,
        ).averaging()

    def _automatic(self, X: TableLike) -> frozenset[str]:
        """Names of the parameters that are measured before training, such as "learning_rate"."""
        names = AUTOMATIC | {"workers"} if isinstance(X, ParquetTable) else AUTOMATIC
        return frozenset(name for name in names if getattr(self, name) == AUTO)

    def _check_parameters(self) -> None:
        """Refuse a bad parameter before any work on the data."""
        require_jax()
        check_own(self)
        Recipe.of(**recipe_fields(self), loss="mse")

    def _weights(self, sample_weight: WeightsLike, X: TableLike, targets: Floats) -> Floats | None:
        by_class = self._class_weights(targets)
        if sample_weight is None:
            return by_class
        weight = in_unit(checked_weights(sample_weight, X))
        return weight if by_class is None else weight * by_class

    def _validation(self, validation_data: ValidationLike) -> CheckedRows:
        X, y, weight = unpack_validation(validation_data)
        X, y = checked_table(self, X, y, reset=False)
        targets = self._check_targets(y, reset=False)
        if weight is not None:
            weight = as_floats(checked_weights(weight, X), floating_dtype(), WEIGHT_OF_VALIDATION)
        return X, targets, weight

    def _started(self, prepared: DensePrepared) -> list[Member]:
        """The members of a fit, pretrained if the estimator asks for it."""
        if self.pretrain is None:
            return prepared.members
        return pretrained(
            prepared.members,
            replace(prepared.recipe, ema_momentum=None)
            if is_auto(self.ema_momentum)
            else prepared.recipe,
            prepared.unsupervised,
            self.pretrain,
            self.pretrain_epochs,
            float(self.pretrain_noise),
            lambda tasks: train_members(tasks, prepared.held),
        )

    def _begun(self, prepared: DensePrepared) -> FitInParts:
        """A fit whose first member calls the estimator's callbacks after each epoch."""
        if prepared.automatic:
            prepared = settled(self, prepared)
        members = self._started(prepared)
        first = members[0]
        listeners: list[Callable[..., bool]] = []
        callbacks = None
        if EpochCallbacks.wanted(self):
            given = prepared.given
            callbacks = EpochCallbacks(
                self,
                lambda *at: self._attributes_at(first, *at),
                given.X,
                given.y,
                given.sample_weight,
            )
            listeners.append(callbacks.on_epoch)
        if self.verbose:
            listeners.append(self._say)
        if listeners:
            members = [_listening(first, listeners), *members[1:]]
        self._network, self.recipe_ = prepared.network, prepared.recipe
        judge = None
        self.__dict__.pop("diagnosis_", None)
        if self.diagnose:
            watched, judge = self._watched(members[0])
            members = [watched, *members[1:]]

        train = partial(
            train_members, held=prepared.held, parameters=self.get_params(), judge=judge
        )

        def take(outcomes: Sequence[Outcome], ended: bool) -> DenseEstimator:
            if ended and callbacks is not None:
                callbacks.end()
            return prepared.take(outcomes)

        return FitInParts(members, train, take)

    def _watched(self, member: Member) -> tuple[Member, Callable[[Outcome], Diagnosis]]:
        """A member with instruments, and a function that makes a diagnosis of them."""
        watched, instruments = with_instruments(member)
        classes = len(getattr(self, "classes_", ()))
        names = tuple((field.name, field.name) for field in fields(self))

        def judge(outcome: Outcome) -> Diagnosis:
            known = {**setting_of(self.recipe_), "classes": classes, "names": names}
            self.diagnosis_ = diagnosis_of(member, instruments, outcome, **known)
            return self.diagnosis_

        return watched, judge

    def _say(self, epoch: int, logs: Logs, weights: Callable[[], list[Floats]]) -> bool:
        if self.verbose == 2 or epoch + 1 == self.epochs or (epoch + 1) % 10 == 0:
            numbers = " - ".join(f"{name}: {value:.4g}" for name, value in logs.items())
            print(f"Epoch {epoch + 1}/{self.epochs} - {numbers}", flush=True)
        return False

    def _attributes_at(self, member: Member, epoch: int, weights: list[Floats]) -> dict[str, Any]:
        """Fitted attributes as if training had ended with these weights."""
        own = {parameter.name for parameter in fields(self)}
        learned = {
            name: value
            for name, value in vars(self).items()
            if name not in own and not name.startswith(("_skl", "_callback", "_parent"))
        }
        now = Outcome(weights, best_epoch=epoch)
        learned |= {"n_epochs_": epoch + 1, "best_epoch_": epoch}
        return {**learned, "weights_": weights, "networks_": [now]}

    def _take(self, outcomes: Sequence[Outcome]) -> Self:
        usable = [outcome for outcome in outcomes if outcome.weights is not None]
        first = usable[0] if usable else outcomes[0]
        self.history_ = {name: np.asarray(values) for name, values in first.history.items()}
        self.status_ = first.status
        self.n_epochs_ = first.epochs
        self.best_epoch_ = first.best_epoch
        self.weights_ = usable_weights(outcomes, stacklevel=5)
        self.networks_ = usable
        return self

    def _learned_html(self) -> str:
        return training_html(self)

    def to_keras(self) -> Any:
        """The network as a compiled `keras.Model` that takes raw features.

        Returns
        -------
        keras.Model
            Input `(row, feature)`, in the features' own units; output `(row, target)` in the
            target's units, `(row, 1)` with the probability of `classes_[1]`, or `(row, class)`
            with the probability of each class. Compiled with the estimator's optimizer and loss
            (labels as positions in `classes_`), ready for `evaluate`, `fit` or `save`.

        Examples
        --------
        >>> import numpy as np, kohort
        >>> X = np.random.default_rng(0).normal(size=(64, 3))
        >>> model = kohort.DenseRegressor(width=8, epochs=2, random_state=0).fit(X, X[:, 0])
        >>> keras_model = model.to_keras()
        >>> np.allclose(keras_model.predict(X, verbose=0)[:, 0], model.predict(X), atol=1e-5)
        True
        """
        check_is_fitted(self, "weights_")
        return keras_model(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def save(self, path: PathLike) -> None:
        """Write the fitted estimator to one file, without pickle; `kohort.load` reads it.

        Parameters
        ----------
        path : str or path
            Replaced if it exists. A `random_state` that is a generator is saved as None.

        Raises
        ------
        ParameterError
            If `path` is no path.
        DataError
            If the file cannot be written.
        """
        check_is_fitted(self, "weights_")
        save(self, path)


def _listening(member: Member, listeners: list[Callable[..., bool]]) -> Member:
    """The same member, telling every listener of each epoch."""

    def on_epoch(epoch: int, logs: Logs, weights: Callable[[], list[Floats]]) -> Verdict:
        answers = [listener(epoch, logs, weights) for listener in listeners]
        return Verdict(stop=any(answers))

    return replace(member, on_epoch=on_epoch)

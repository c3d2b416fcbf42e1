"""What both dense estimators share: parameters, `fit`, raw predictions."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from kohort.engine.member import DIVERGED, Floats, Logs, Member, Outcome, Rows
from kohort.errors import DivergedError, DivergedWarning
from kohort.estimators.callbacks import CallbackSupportMixin, EpochCallbacks, with_callbacks
from kohort.estimators.export import keras_model
from kohort.estimators.persistence import save
from kohort.estimators.prediction import raw_outputs
from kohort.estimators.preparation import (
    Scaling,
    floating_dtype,
    relative,
    split,
    unpack_validation,
)
from kohort.estimators.together import current, train_member
from kohort.networks.dense import DenseNetwork
from kohort.recipe.constraints import Interval, check, flag, optional
from kohort.recipe.recipe import DEFAULTS, Recipe

_OWN = {
    "validation_fraction": optional(Interval(0, 1, closed="neither")),
    "standardize": flag(),
    "verbose": Interval(0, 2, closed="both", whole=True),
}


_DTYPES = (np.float64, np.float32)


def _default(name: str) -> Any:
    return field(default=DEFAULTS[name])


@dataclass(eq=False, repr=False)
class DenseEstimator(CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """Parameters and behaviour of `DenseRegressor` and `DenseClassifier`."""

    depth: int = _default("depth")
    width: int | Sequence[int] = _default("width")
    activation: str = _default("activation")
    kernel_initializer: str = _default("kernel_initializer")
    loss: str = "auto"
    optimizer: str = _default("optimizer")
    learning_rate: float = _default("learning_rate")
    momentum: float = _default("momentum")
    weight_decay: float | None = _default("weight_decay")
    dropout: float = _default("dropout")
    l2: float = _default("l2")
    batch_size: int = _default("batch_size")
    epochs: int = _default("epochs")
    early_stopping: bool = _default("early_stopping")
    patience: int = _default("patience")
    min_delta: float = _default("min_delta")
    validation_fraction: float | None = 0.1
    standardize: bool = True
    random_state: int | np.random.RandomState | None = None
    verbose: int = 0

    @abstractmethod
    def _check_targets(self, y: Any, reset: bool) -> Floats:
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
        return Scaling.of(targets, weight, on=False)

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Self:
        """Train the network.

        Inside `kohort.together()` the call waits and trains with the other fits.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)
        y : array-like, shape (row,) or (row, target)
        sample_weight : array-like, shape (row,), default=None
            Non-negative; scaled to a mean of 1 over the training rows.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Rows to monitor instead of a part of the training rows.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If a parameter is out of range or unknown.
        DataError, ValueError
            If the data cannot be used.
        DivergedError
            If the loss became NaN or infinite before any epoch left usable weights.
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=_DTYPES, multi_output=True)
        targets = self._check_targets(y, reset=True)
        recipe = Recipe.of(**self._recipe_fields(), loss=self._loss())
        weight = self._weights(sample_weight, X, targets)
        member = self._member(recipe, X, targets, weight, validation_data)
        self._take(self._trained(member, X, y, sample_weight))
        return self

    def _recipe_fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in DEFAULTS}

    def _check_parameters(self) -> None:
        """Refuse a bad parameter before any work on the data."""
        for name, constraint in _OWN.items():
            check(name, getattr(self, name), constraint)
        Recipe.of(**self._recipe_fields(), loss="mse")

    def _member(
        self, recipe: Recipe, X: Any, targets: Floats, weight: Floats | None, validation_data: Any
    ) -> Member:
        """Scale the data, set validation rows aside, and describe the fit to the engine."""
        dtype = floating_dtype()
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._scaling = Scaling.of(X, weight, bool(self.standardize))
        self._target = self._target_scaling(targets, weight)
        x, t = self._scaling.apply(X, dtype), self._target.apply(targets, dtype)
        train, held_out, validation = None, None, None
        if validation_data is not None:
            validation = self._validation(validation_data, dtype)
        elif recipe.early_stopping and self.validation_fraction is not None:
            fraction = float(self.validation_fraction)
            train, held_out = split(len(x), fraction, seed, self._labels(targets))
        weight = relative(weight, train, dtype)
        if held_out is not None:
            part = None if weight is None else weight[held_out]
            validation = Rows(x[held_out], t[held_out], part)
        rows = Rows(x, t, weight)
        cohort = current()
        if cohort is not None:
            rows = cohort.rows(rows)
            validation = None if validation is None else cohort.rows(validation)
        network = DenseNetwork.of(x.shape[1], self._outputs, recipe.units, recipe.activation)
        return Member(recipe, network, rows, train, validation, seed)

    def _weights(self, sample_weight: Any, X: Any, targets: Floats) -> Floats | None:
        by_class = self._class_weights(targets)
        if sample_weight is None:
            return by_class
        weight: Floats = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        return weight if by_class is None else weight * by_class

    def _validation(self, validation_data: Any, dtype: np.dtype[Any]) -> Rows:
        X, y, weight = unpack_validation(validation_data)
        X, y = validate_data(self, X, y, dtype=_DTYPES, multi_output=True, reset=False)
        targets = self._check_targets(y, reset=False)
        if weight is not None:
            weight = _check_sample_weight(weight, X, dtype=dtype, ensure_non_negative=True)
        x, t = self._scaling.apply(X, dtype), self._target.apply(targets, dtype)
        return Rows(x, t, weight)

    def _trained(self, member: Member, X: Any, y: Any, sample_weight: Any) -> Outcome:
        """Train the member, with whatever wants to hear of each epoch."""
        listeners = []
        callbacks = None
        if EpochCallbacks.wanted(self):
            callbacks = EpochCallbacks(
                self, lambda *at: self._attributes_at(member, *at), X, y, sample_weight
            )
            listeners.append(callbacks.on_epoch)
        if self.verbose:
            listeners.append(self._say)
        if listeners:
            member = _listening(member, listeners)
        self._network, self.recipe_ = member.network, member.recipe
        held = 2 * int(X.nbytes)  # The table, and the one that a pipeline made it from.
        outcome = train_member(member, held, self.get_params())
        if callbacks is not None:
            callbacks.end()
        return outcome

    def _say(self, epoch: int, logs: Logs, weights: Any) -> bool:
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
        return {**learned, "weights_": weights, "n_epochs_": epoch + 1, "best_epoch_": epoch}

    def _take(self, outcome: Outcome) -> None:
        self.history_ = {name: np.asarray(values) for name, values in outcome.history.items()}
        self.status_ = outcome.status
        self.n_epochs_ = outcome.epochs
        self.best_epoch_ = outcome.best_epoch
        if outcome.weights is None:
            raise DivergedError(outcome.cause)
        if outcome.status == DIVERGED:
            warnings.warn(
                f"{outcome.cause} The weights of epoch {outcome.best_epoch + 1}, the best before "
                "that, were restored.",
                DivergedWarning,
                stacklevel=3,
            )
        self.weights_ = outcome.weights

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

    def save(self, path: Any) -> None:
        """Write the fitted estimator to one file, without pickle; `kohort.load` reads it.

        Parameters
        ----------
        path : str or path
            Replaced if it exists. A `random_state` that is a generator is saved as None.

        Raises
        ------
        DataError
            If the file cannot be written.
        """
        check_is_fitted(self, "weights_")
        save(self, path)

    def _raw(self, X: Any) -> Floats:
        """Raw outputs of the network, in its own units, shape (row, output)."""
        check_is_fitted(self, "weights_")
        X = validate_data(self, X, dtype=_DTYPES, reset=False)
        dtype = self.weights_[0].dtype
        x = self._scaling.apply(X, dtype)
        return raw_outputs(self._network, self.recipe_.units, self.weights_, x)


def _listening(member: Member, listeners: list[Any]) -> Member:
    """The same member, telling every listener of each epoch."""

    def on_epoch(epoch: int, logs: Logs, weights: Any) -> bool:
        answers = [listener(epoch, logs, weights) for listener in listeners]
        return any(answers)

    return replace(member, on_epoch=on_epoch)

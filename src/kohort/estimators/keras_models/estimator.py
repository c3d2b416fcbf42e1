"""The base of `KerasClassifier` and `KerasRegressor`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from kohort.arrays import ClassWeightLike, GridLike, HostArray, TableLike, TargetsLike, WeightsLike
from kohort.engine.member import Floats, Member, Outcome, Rows
from kohort.estimators.keras_models.build import build, outputs_of, prepare
from kohort.estimators.keras_models.callbacks import callbacks_of_fit
from kohort.estimators.keras_models.class_weights import weights_by_class
from kohort.estimators.keras_models.compilation import compile_model, loss_of
from kohort.estimators.keras_models.encoders import (
    encoded_columns,
    encoded_targets,
    learn_encoder,
    learn_features,
)
from kohort.estimators.keras_models.inputs import (
    Inputs,
    flat,
    floats,
    input_columns,
    inputs_of,
    output_names,
    takes_one_hot,
)
from kohort.estimators.keras_models.options import fit_options, further_options, rows_before
from kohort.estimators.keras_models.prepared import KerasPrepared
from kohort.estimators.keras_models.routing import asks_for_data
from kohort.estimators.keras_models.setting import setting_of
from kohort.estimators.keras_models.support import refuse_unknown_options
from kohort.estimators.keras_models.training import Job, Ready
from kohort.estimators.keras_models.training_model import TrainingModel, length
from kohort.estimators.preparation import (
    floating_dtype,
    unpack_validation,
    warn_if_coarse,
)
from kohort.estimators.row_weights import (
    WEIGHT_OF_VALIDATION,
    WEIGHT_SET_ASIDE,
    as_floats,
    checked_weights,
    in_unit,
    relative,
)
from kohort.estimators.scaling import Scaling
from kohort.networks.lifted.columns import Columns
from kohort.studies.automatic import settled
from kohort.studies.diagnosis.diagnosing import diagnosis_of
from kohort.studies.diagnosis.diagnosis import Diagnosis
from kohort.studies.diagnosis.instruments import Instruments
from kohort.studies.prepared import REFERENCE, is_auto

if TYPE_CHECKING:
    import keras

_RATES = ("learning_rate", "optimizer__learning_rate")


class KerasEstimator(TrainingModel):
    """Behaviour of both estimators over Keras models."""

    history_: dict[str, list[float]]
    _rate_parameter = "optimizer__learning_rate"

    @abstractmethod
    def _learn_targets(self, y: TargetsLike, inputs: Inputs) -> dict[str, Any]:
        """Learn the target's form; return facts on it for a build function."""

    @abstractmethod
    def _target_columns(self, model: keras.Model, outputs: Sequence[tuple[int, ...]]) -> Columns:
        """How flat rows hold the targets of a compiled model."""

    @abstractmethod
    def _encoded(self, y: TargetsLike) -> Floats:
        """Targets as flat rows."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None, **fit_params: Any
    ) -> Self:
        """Build the model and train it.

        Inside `kohort.together()` the call waits and trains with the other fits.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature), array of more axes, or dict or tuple
            A dict or tuple of arrays for a model of several inputs. A table is dealt to several
            inputs in their order, which is how such a model is searched.
        y : array-like, shape (row,) or (row, target)
            Targets of each row; for a regressor's output of more axes, such as an image, its
            values as columns: `y.reshape(len(y), -1)`.
        sample_weight : array-like, shape (row,), default=None
            Non-negative, in any unit: they are scaled to a mean of 1 over the training rows, as in
            all of kohort. Keras's own `fit` does not scale them. Weights of `validation_data` keep
            their unit, which is that of `val_loss`.
        **fit_params : object
            Arguments of Keras's `fit`; they override the estimator's parameters.

        Returns
        -------
        self
            The estimator with the trained model.

        Raises
        ------
        ModelError
            If the build function fails, or its model does not fit the data.
        DivergedError
            If the loss became NaN or infinite.
        """
        goes_on = self.warm_start and self.initialized_
        if not goes_on:
            self.__dict__.pop("_declared_classes", None)
        self._run(X, y, sample_weight, fit_params, goes_on)
        return self

    def _partially_fitted(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike, fit_params: dict[str, Any]
    ) -> Self:  # fmt: skip
        """Train for the epoch that comes next."""
        for name in ("epochs", "initial_epoch"):
            if name in fit_params:
                raise TypeError(f"partial_fit() takes no {name!r}: it trains for the next epoch.")
        seen = self._epochs_seen if self.initialized_ else 0
        epochs = {"epochs": seen + 1, "initial_epoch": seen}
        self._run(X, y, sample_weight, {**fit_params, **epochs}, goes_on=self.initialized_)
        return self

    def initialize(self, X: TableLike, y: TargetsLike) -> Self:
        """Build the model for the data without training it.

        Parameters
        ----------
        X : array-like, DataFrame, or dict or tuple of arrays
            Features, as in `fit`.
        y : array-like, shape (row,) or (row, target)
            Targets, as in `fit`.

        Returns
        -------
        self
            The estimator, with `model_` and its initial weights.
        """
        prepared = settled(self, self.prepare(X, y))
        prepared.put_rate()
        self._use(prepared)
        self._take([], {})
        return self

    def prepare(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None, **fit_params: Any
    ) -> KerasPrepared:
        """Check the data, build the model and trace it, as `fit` does before it trains.

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
        X, y, sample_weight = self._readable(X, y, sample_weight)
        return self._prepared(X, y, sample_weight, self._options(fit_params))

    def _readable(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike
    ) -> tuple[Any, Any, Any]:
        """X, y and weights of the rows that can be read; a subclass may leave rows out."""
        return X, y, sample_weight

    def _options(self, fit_params: dict[str, Any]) -> dict[str, Any]:
        """Arguments of `fit`, checked."""
        return fit_options(self, fit_params)

    def _prepared(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike, options: dict[str, Any]
    ) -> KerasPrepared:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        floating_dtype()
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._found_rate = None
        inputs = self._learned_inputs(X)
        check_consistent_length(inputs.arrays[0], y)
        size = REFERENCE if is_auto(options["batch_size"]) else options["batch_size"]
        self._meta = self._about(inputs)
        inputs, learned = learn_features(self, inputs)
        self._meta |= learned | (learn_encoder(self, y) or self._learn_targets(y, inputs))
        data = {"X": inputs.structured, "y": y} if asks_for_data(self) else {}
        self._table_rows = inputs.rows
        ready = self._build(inputs, y, data, inputs.rows if size == -1 else size)
        refuse_unknown_options(options, ready.model)
        job = self._job(inputs, y, sample_weight, options, goes_on=False)
        return KerasPrepared(self, ready, job, data, self._automatic(job, options))

    def _learned_inputs(self, X: TableLike) -> Inputs:
        """X checked; its form is that of `predict` from now on."""
        return inputs_of(self, X, reset=True)

    def _automatic(self, job: Job, options: dict[str, Any]) -> frozenset[str]:
        """Names of the parameters to be measured before training, such as `"batch_size"`."""
        rates = (getattr(self, name, None) for name in _RATES)
        asked = {
            "batch_size": is_auto(options["batch_size"]),
            "learning_rate": any(map(is_auto, rates)),
        }
        return frozenset(name for name, is_asked in asked.items() if is_asked)

    def _about(self, inputs: Inputs) -> dict[str, Any]:
        first = inputs.arrays[0]
        self.X_shape_, self.X_dtype_ = first.shape, first.dtype
        meta = {"n_features_in_": self.n_features_in_} if hasattr(self, "n_features_in_") else {}
        if hasattr(self, "feature_names_in_"):
            meta["feature_names_in_"] = self.feature_names_in_
        return {**meta, "X_shape_": first.shape, "X_dtype_": first.dtype}

    def _build(
        self, inputs: Inputs, y: TargetsLike, data: dict[str, Any], batch_size: int
    ) -> Ready:
        model = self._built(data, self._seed)
        x = input_columns(model, inputs)
        outputs = outputs_of(model, x, self._seed)
        compile_model(self, model, self._meta, outputs)
        own = encoded_columns(self, y, output_names(model))
        targets = self._target_columns(model, outputs) if own is None else own
        self._form, self._shapes = (x, targets, batch_size), outputs
        return self._made_ready(model)

    def _built(self, data: Mapping[str, Any], seed: int) -> Any:
        if not data:
            return build(self, self._meta, seed)

        def built(one_hot: bool) -> Any:
            given = {**data, "y": self._given_to_build(data["y"], one_hot)}
            return build(self, {**self._meta, **given}, seed)

        one_hot = takes_one_hot(loss_of(self))
        model = built(one_hot)
        again = model.compiled and not one_hot and takes_one_hot(model.loss)
        return built(one_hot=True) if again else model

    @abstractmethod
    def _given_to_build(self, y: TargetsLike, one_hot: bool) -> HostArray:
        """The targets that a build function gets which asks for `y`."""

    def _made_ready(self, model: keras.Model) -> Ready:
        x, targets, batch_size = self._form
        prepare(model, x, targets, self._seed)
        rows, probed = self._table_rows, bool(self.diagnose)
        return Ready.of(model, x, targets, batch_size, rows, probed=probed)

    def _run(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike, fit_params: dict[str, Any],
        goes_on: bool,
    ) -> None:  # fmt: skip
        X, y, sample_weight = self._readable(X, y, sample_weight)
        options = self._options(fit_params)
        self.__dict__.pop("diagnosis_", None)
        if goes_on:
            inputs = self._inputs(X)
            ready = self._go_on(options["batch_size"], inputs.rows)
            refuse_unknown_options(options, ready.model)
            job = self._job(inputs, y, sample_weight, options, goes_on)
            prepared = KerasPrepared(self, ready, job, {})
        else:
            prepared = settled(self, self._prepared(X, y, sample_weight, options))
        before, seen = (self.history_, self._epochs_seen) if goes_on else ({}, 0)
        current = self.current_epoch if goes_on and prepared.job.first_epoch else 0
        self._trained(prepared)
        epochs = length(self.history_)
        self.history_, self._epochs_seen = _joined(before, self.history_), seen + epochs
        self._current_epoch = epochs + current

    def _job(
        self, inputs: Inputs, y: TargetsLike, sample_weight: WeightsLike, options: dict[str, Any],
        goes_on: bool,
    ) -> Job:  # fmt: skip
        given, validation = options.get("validation_data"), None
        share = float(options["validation_split"]) if given is None else 0.0
        count = rows_before(share, inputs.rows)
        rows, weight = self._rows(inputs, y, sample_weight, None if goes_on else slice(count))
        train, dtype = np.arange(count) if share else None, rows.y.dtype
        weight = relative(weight, train)
        if given is not None:
            vx, vy, vw = unpack_validation(given)
            validation, own = self._rows(self._inputs(vx), vy, vw)
            validation = replace(validation, weight=as_floats(own, dtype, WEIGHT_OF_VALIDATION))
        elif share:
            part = None if weight is None else as_floats(weight[count:], dtype, WEIGHT_SET_ASIDE)
            validation = Rows(rows.x[count:], rows.y[count:], part)
        if options["validation_batch_size"] == -1 and validation is not None:
            options["validation_batch_size"] = len(validation.x)
        by_class = self._by_class(y, options.get("class_weight"))
        if by_class is not None:
            weight = by_class if weight is None else weight * by_class
        cause = "sample_weight" if by_class is None else "class_weight"
        rows = replace(rows, weight=as_floats(weight, dtype, cause))
        return Job(
            rows, train, validation, int(options["epochs"]), int(options.get("initial_epoch") or 0),
            bool(options["shuffle"]), callbacks_of_fit(self, options.get("callbacks")),
            further_options(options),
            self._seed + (self._epochs_seen if goes_on and not options.get("initial_epoch") else 0),
            2 * rows.x.nbytes,
            self.get_params(deep=False),
            self._judged if self.diagnose else None,
        )  # fmt: skip

    def _judged(self, member: Member, instruments: Instruments, outcome: Outcome) -> Diagnosis:
        known = setting_of(self, member, getattr(self, "n_classes_", 0))
        self.diagnosis_ = diagnosis_of(member, instruments, outcome, **known)
        return self.diagnosis_

    def _by_class(self, y: TargetsLike, class_weight: ClassWeightLike) -> Floats | None:
        return None if class_weight is None else weights_by_class(class_weight, np.asarray(y))

    def _target_scaling(self, targets: Floats, weight: Floats | None) -> Scaling:
        """How targets are scaled, learnt of the rows that are trained on."""
        return Scaling.identity(1)

    def _rows(
        self, inputs: Inputs, y: TargetsLike, sample_weight: WeightsLike,
        learn: slice | None = None,
    ) -> tuple[Rows, Floats | None]:  # fmt: skip
        """Rows as the model takes them, and their weights, checked, as they were given."""
        weight = None
        if sample_weight is not None:
            weight = checked_weights(sample_weight, inputs.arrays[0])
        encoded = encoded_targets(self, y)
        if encoded is None:
            encoded = self._encoded(y)
            if learn is not None:
                seen = None if weight is None else in_unit(weight[learn])
                self._target = self._target_scaling(encoded[learn], seen)
            encoded = self._target.of(encoded)
        if len(encoded) != inputs.rows:
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"{[inputs.rows, len(encoded)]}"
            )
        warn_if_coarse(
            "y is trained on in its own unit", encoded.mean(axis=0), encoded.std(axis=0),
            remedy="Wrap the estimator in sklearn.compose.TransformedTargetRegressor with a "
            "StandardScaler.",
            stacklevel=7,
        )  # fmt: skip
        return Rows(flat(self._form[0], inputs.arrays, floating_dtype()), floats(encoded)), weight

    def explain_groups(self, param_grid: GridLike, X: TableLike, y: TargetsLike) -> Any:
        """Say which candidates of a search share a compiled program, and which parameters cost one.

        Parameters
        ----------
        param_grid : dict or list of dict
            As scikit-learn's `ParameterGrid`.
        X : array-like, DataFrame, or dict or tuple of arrays
            Features, or a part of their rows.
        y : array-like, shape (row,) or (row, target)
            Targets of the same rows.

        Returns
        -------
        DataFrame
            A row per candidate with its parameters; `program`, a number that candidates of one
            program share; and `why`, the parameters that cost the candidate a program.
        """
        from kohort.estimators.keras_models.groups import explain_groups

        return explain_groups(self, param_grid, X, y)


def _joined(before: dict[str, list[float]], now: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [*before.get(name, []), *values] for name, values in now.items()}

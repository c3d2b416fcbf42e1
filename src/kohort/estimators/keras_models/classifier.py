"""`KerasClassifier`: a user's own Keras model that tells classes, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_array, column_or_1d

from kohort.arrays import (
    CallbacksLike,
    ClassWeightLike,
    LossLike,
    MetricsLike,
    ModelLike,
    OptimizerLike,
    RandomStateLike,
    TableLike,
    TargetsLike,
    WeightsLike,
)
from kohort.engine.member import Floats
from kohort.estimators.keras_models.class_weights import weights_by_class
from kohort.estimators.keras_models.classes import (
    LABELS,
    ONE_HOT,
    classes_by_position,
    classes_of,
    encoded_classes,
    kind_of_targets,
    one_hot_codes,
)
from kohort.estimators.keras_models.documentation import PARAMETERS, documented
from kohort.estimators.keras_models.encoders import SubclassHooks, decoded
from kohort.estimators.keras_models.estimator import KerasEstimator
from kohort.estimators.keras_models.inputs import (
    Inputs,
    class_columns,
    losses_of,
    output_names,
)
from kohort.estimators.keras_models.outputs import class_output, takes_signs
from kohort.networks.lifted.columns import Columns

if TYPE_CHECKING:
    import keras


@documented(PARAMETERS)
class KerasClassifier(SubclassHooks, ClassifierMixin, KerasEstimator):  # type: ignore[misc]
    """A Keras model for classification: two classes, several, several labels, several targets.

    Parameters
    ----------
    {parameters}
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in training, as in scikit-learn; as in Keras it is not rescaled and
        does not weigh validation rows.

    Attributes
    ----------
    classes_ : array, or list of arrays for several targets
    model_ : keras.Model
        The model with the trained weights.
    history_ : dict of lists
        Logs of each epoch, as Keras gives them.
    status_, best_epoch_ : str, int
        How training ended, as `DenseRegressor` says it; index of the epoch whose weights are kept.
    weights_ : list of arrays
        Variables of the model, its optimizer and its metrics.
    n_features_in_, n_outputs_, n_classes_, n_epochs_ : int

    Examples
    --------
    >>> import kohort, keras
    >>> from sklearn.datasets import load_iris
    >>> def build_model(n_features_in_, n_classes_, width=32):
    ...     return keras.Sequential([
    ...         keras.Input((n_features_in_,)),
    ...         keras.layers.Dense(width, "relu"),
    ...         keras.layers.Dense(n_classes_, "softmax"),
    ...     ])
    >>> X, y = load_iris(return_X_y=True)
    >>> model = kohort.KerasClassifier(
    ...     build_model, optimizer="adam", optimizer__learning_rate=0.01, epochs=30, random_state=0
    ... )
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    """

    def __init__(
        self, model: ModelLike = None, *, optimizer: OptimizerLike = None, loss: LossLike = None,
        metrics: MetricsLike = None, epochs: int = 1, batch_size: int | str | None = 32,
        validation_split: float = 0.0, validation_batch_size: int | None = None,
        shuffle: bool = True, run_eagerly: bool = False, callbacks: CallbacksLike = None,
        class_weight: ClassWeightLike = None, warm_start: bool = False,
        random_state: RandomStateLike = None, verbose: int = 0, **parameters: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            model, optimizer=optimizer, loss=loss, metrics=metrics, epochs=epochs,
            batch_size=batch_size, validation_split=validation_split,
            validation_batch_size=validation_batch_size, shuffle=shuffle, run_eagerly=run_eagerly,
            callbacks=callbacks, warm_start=warm_start, random_state=random_state, verbose=verbose,
            **parameters,
        )  # fmt: skip
        self.class_weight = class_weight

    def _learn_targets(self, y: TargetsLike, inputs: Inputs) -> dict[str, Any]:
        y = np.asarray(y)
        self.target_type_, self._heads = kind_of_targets(y), False
        columns = self._columns(y)
        declared = getattr(self, "_declared_classes", None)
        self.n_outputs_, self._single = columns.shape[1], columns.shape[1] == 1
        self._know(classes_of(columns, self.target_type_, y.shape[-1], declared))
        if self._single and len(known := self._every[0]) < 2:
            raise ValueError(f"y must hold at least two classes; got 1 class, {known[0]!r}.")
        return {
            "classes_": self.classes_,
            "n_classes_": self.n_classes_,
            "n_outputs_": self.n_outputs_,
            "n_outputs_expected_": 1 if self._indicates or self._single else self.n_outputs_,
            "target_type_": self.target_type_,
            "y_ndim_": np.ndim(y),
            "y_dtype_": columns.dtype,
        }

    def _know(self, every: list[NDArray[Any]]) -> None:
        """Take these for the classes of each target."""
        self._every, counts = every, [len(classes) for classes in every]
        self.classes_ = every[0] if self._single else every
        self.n_classes_ = counts[0] if self._single else counts
        if self.target_type_ == "binary":
            self.target_type_ = type_of_target(every[0])

    _heads = False
    """Whether the model has an output for each of several targets."""

    @property
    def _indicates(self) -> bool:
        return bool(self.target_type_ == LABELS) and not self._heads

    def _columns(self, y: TargetsLike) -> NDArray[Any]:
        y = np.asarray(y)
        if self.target_type_ == ONE_HOT and np.ndim(y) == 2:
            return one_hot_codes(y)[:, None]
        if np.ndim(y) == 1 or (np.ndim(y) == 2 and np.shape(y)[1] == 1):
            return column_or_1d(y, warn=True)[:, None]
        return np.asarray(check_array(y, dtype=None, ensure_all_finite=False, input_name="y"))

    def _target_columns(self, model: keras.Model, outputs: Sequence[tuple[int, ...]]) -> Columns:
        if self.target_type_ == ONE_HOT and len(outputs) == len(self._every[0]):
            # A label for each head, of which each row happens to have one.
            self.target_type_, self.n_outputs_, self._single = LABELS, len(outputs), False
            self._know([np.array([0, 1])] * self.n_outputs_)
        self._heads = len(outputs) == len(self._every) > 1
        losses = losses_of(model, len(outputs))
        if not self._indicates:
            self._know(classes_by_position(self._every, outputs, losses))
        counts = [len(classes) for classes in self._every]
        names = output_names(model)
        columns, self._hot = class_columns(losses, outputs, counts, self._indicates, names)
        self._read = [class_output(loss) for loss in losses]
        self._signed = list(map(takes_signs, cycle(losses), self._every))
        return columns

    def partial_fit(
        self, X: TableLike, y: TargetsLike, classes: TargetsLike = None,
        sample_weight: WeightsLike = None, **fit_params: Any,
    ) -> Self:  # fmt: skip
        """Train for one more epoch, from the weights and the optimizer's state so far.

        Parameters
        ----------
        X, y : array-like
            Features and targets of the rows, as in `fit`.
        classes : array-like, default=None
            All classes. Needed at the first call if y does not hold each of them.
        sample_weight : array-like, shape (row,), default=None
            Weight of each row, as in `fit`.
        **fit_params : object
            Arguments of Keras's `fit`; they override the estimator's parameters.

        Returns
        -------
        self
            The estimator after the epoch.
        """
        if classes is not None and not hasattr(self, "weights_"):
            self._declared_classes = np.unique(classes)
        return self._partially_fitted(X, y, sample_weight, fit_params)

    def _given_to_build(self, y: TargetsLike, one_hot: bool) -> NDArray[Any]:
        if not (one_hot and self._single):
            return np.asarray(y)
        codes = np.searchsorted(self._every[0], self._columns(y)[:, 0])
        return np.eye(len(self._every[0]))[codes]

    def _encoded(self, y: TargetsLike) -> Floats:
        return encoded_classes(self._columns(y), self._every, self._hot, self._signed)

    def _by_class(self, y: TargetsLike, class_weight: ClassWeightLike) -> Floats | None:
        chosen = self.class_weight if class_weight is None else class_weight
        return None if chosen is None else weights_by_class(chosen, self._columns(y))

    def _gives_probabilities(self) -> bool:
        return all(output.require_probabilities() for output in vars(self).get("_read", ()))

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: TableLike, **options: Any) -> Any:
        """Probability of each class.

        Not there where the loss trains scores that are no probabilities, as hinge losses do.

        Parameters
        ----------
        X, **options
            As in `predict`.

        Returns
        -------
        array, shape (row, class)
            For several targets a list of these; for several labels the probability of each.

        Raises
        ------
        ModelError
            If an output lies outside [0, 1] and the loss does not say `from_logits=True`.
        """
        if hasattr(self, "target_encoder_"):
            return decoded(self, self._predicted(X, options), return_proba=True)
        pairs = zip(self._flat_outputs(X, options), self._read, strict=True)
        parts = [output.probabilities(values, self._indicates) for values, output in pairs]
        return parts[0] if self._single or self._indicates else parts

    @available_if(lambda self: not getattr(self, "_indicates", False))  # type: ignore[untyped-decorator]
    def decision_function(self, X: TableLike, **options: Any) -> Any:
        """How much speaks for each class: the outputs; not there for several labels a row.

        Parameters
        ----------
        X, **options
            As in `predict`.

        Returns
        -------
        array, shape (row, class), or (row,) for two classes
            Of two classes the second's less the first's, `2 p - 1` of one unit that gives its
            probability. A list for several targets.
        """
        if hasattr(self, "target_encoder_"):
            return self._predicted(X, options)[0]
        pairs = zip(self._flat_outputs(X, options), self._read, strict=True)
        parts = [output.decisions(values, False) for values, output in pairs]
        return parts[0] if self._single else parts

    def _flat_outputs(self, X: TableLike, options: Mapping[str, Any]) -> list[Floats]:
        """Each output as rows of units."""
        return [values.reshape(len(values), -1) for values in self._predicted(X, options)]

    def predict(self, X: TableLike, **options: Any) -> Any:
        """Predict the likeliest class, or every label whose probability is above one half.

        Parameters
        ----------
        X, **options : array-like
            Features, as in `fit`; arguments of Keras's `predict` for models in Keras's own loop.

        Returns
        -------
        array of labels, shape (row,) or (row, target)
            Labels in the form that y had, such as one-hot rows for a one-hot y.
        """
        if hasattr(self, "target_encoder_"):
            return decoded(self, self._predicted(X, options))
        outputs = self._flat_outputs(X, options)
        if self._indicates:
            return self._every[0][self._read[0].positive(outputs[0]).astype(int)]
        codes = [output.classes(values) for values, output in zip(outputs, self._read, strict=True)]
        if self.target_type_ == ONE_HOT:
            return np.eye(len(self.classes_), dtype=int)[codes[0]]
        labels = [classes[code] for classes, code in zip(self._every, codes, strict=True)]
        return labels[0] if self._single else np.stack(labels, axis=1)

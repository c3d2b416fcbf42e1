"""`KerasRegressor`: a user's own Keras model that predicts numbers, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.multiclass import type_of_target

from kohort.arrays import TableLike, TargetsLike, WeightsLike
from kohort.engine.member import Floats
from kohort.errors import DataError
from kohort.estimators.keras_models.documentation import PARAMETERS, documented
from kohort.estimators.keras_models.encoders import SubclassHooks, decoded
from kohort.estimators.keras_models.estimator import KerasEstimator
from kohort.estimators.keras_models.inputs import Inputs, output_names, value_columns
from kohort.estimators.text_in_tables import real_targets
from kohort.networks.lifted.columns import Columns

if TYPE_CHECKING:
    import keras


@documented(PARAMETERS)
class KerasRegressor(SubclassHooks, RegressorMixin, KerasEstimator):  # type: ignore[misc]
    """A Keras model for regression, of one target or several.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    model_ : keras.Model
        The model with the trained weights.
    history_ : dict of lists
        Logs of each epoch, as Keras gives them.
    status_, best_epoch_ : str, int
        How training ended, as `DenseRegressor` says it; index of the epoch whose weights are kept.
    weights_ : list of arrays
        Variables of the model, its optimizer and its metrics.
    n_features_in_, n_outputs_, n_epochs_ : int

    Examples
    --------
    >>> import kohort, keras
    >>> from sklearn.datasets import load_diabetes
    >>> def build_model(width=32, learning_rate=0.01):
    ...     model = keras.Sequential(
    ...         [keras.Input((10,)), keras.layers.Dense(width, "relu"), keras.layers.Dense(1)]
    ...     )
    ...     model.compile(keras.optimizers.Adam(learning_rate), "mse")
    ...     return model
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = kohort.KerasRegressor(build_model, width=16, epochs=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (442,)
    """

    def _learn_targets(self, y: TargetsLike, inputs: Inputs) -> dict[str, Any]:
        targets = self._checked(y)
        self.n_outputs_ = 1 if targets.ndim == 1 else targets.shape[1]
        self._flat = targets.ndim == 1
        with np.errstate(invalid="ignore"):  # scikit-learn casts numbers beyond its integers.
            self.target_type_ = type_of_target(targets)
        return {
            "n_outputs_": self.n_outputs_,
            "n_outputs_expected_": 1,
            "target_type_": self.target_type_,
            "y_ndim_": targets.ndim,
            "y_dtype_": targets.dtype,
        }

    def _checked(self, y: TargetsLike) -> NDArray[Any]:
        return real_targets(self, y)

    def _target_columns(self, model: keras.Model, outputs: Sequence[tuple[int, ...]]) -> Columns:
        return value_columns(outputs, self.n_outputs_, output_names(model))

    def partial_fit(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None, **fit_params: Any
    ) -> Self:
        """Train for one more epoch, from the weights and the optimizer's state so far.

        Parameters
        ----------
        X, y, sample_weight, **fit_params : array-like
            Features, targets, weights and arguments of Keras's `fit`, as in `fit`.

        Returns
        -------
        self
            The estimator after the epoch.
        """
        return self._partially_fitted(X, y, sample_weight, fit_params)

    def _given_to_build(self, y: TargetsLike, one_hot: bool) -> NDArray[Any]:
        targets = self._checked(y)
        return targets.reshape(len(targets), -1)

    def _encoded(self, y: TargetsLike) -> Floats:
        targets = self._checked(y)
        targets = targets.reshape(len(targets), -1)
        if targets.shape[1] != self.n_outputs_:
            raise DataError(
                f"y must have {self.n_outputs_} columns, as at the first fit; got "
                f"{targets.shape[1]}. Fit anew for other targets."
            )
        return targets

    def predict(self, X: TableLike, **options: Any) -> Any:
        """Predict the target.

        Parameters
        ----------
        X, **options : array-like
            Features, as in `fit`; arguments of Keras's `predict` for models in Keras's own loop.

        Returns
        -------
        array of float64, shape (row,) or (row, target)
            Predictions in the target's own units.
        """
        outputs = self._predicted(X, options)
        if hasattr(self, "target_encoder_"):
            return decoded(self, outputs)
        parts = [part.reshape(len(part), -1) for part in outputs]
        values = self._target.undo(np.concatenate(parts, axis=1))
        return values[:, 0] if self._flat else values

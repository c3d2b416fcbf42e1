"""`DenseRegressor` and `DenseClassifier`: a dense Keras network as a scikit-learn estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

from kohort.engine.member import Floats
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.base import DenseEstimator
from kohort.estimators.preparation import Scaling
from kohort.recipe import losses
from kohort.recipe.constraints import OneOf, check


@dataclass(eq=False, repr=False)
class DenseRegressor(RegressorMixin, DenseEstimator):  # type: ignore[misc]
    """Dense network for regression, of one target or several.

    Parameters
    ----------
    depth : int, default=2
        Number of hidden layers, >= 0.
    width : int or list of int, default=128
        Units of each hidden layer, >= 1, or one number per hidden layer.
    activation : str, default="relu"
        Keras identifier of the hidden layers' activation.
    kernel_initializer : str, default="auto"
        Keras identifier. `"auto"` takes He for the ReLU family, LeCun for SELU, Glorot for the
        rest (He et al. 2015, arXiv:1502.01852; Glorot and Bengio 2010). Biases start at 0.
    loss : {"auto", "mse", "mae", "log_cosh"}, default="auto"
        Keras identifier; `"auto"` is mean squared error. With `standardize=True` it is computed
        on the standardised target, so that a learning rate does not depend on the target's unit.
    optimizer : {"sgd", "momentum", "nesterov", "adam", "adamw"}, default="adam"
        Keras's optimizer of that name; momentum and nesterov are its SGD with momentum.
    learning_rate : float, default=0.001
        Step size, > 0.
    momentum : float, default=0.9
        In [0, 1); used by momentum and nesterov, ignored by the others.
    weight_decay : float or None, default=None
        Decoupled decay, >= 0: each step first shrinks every variable by `learning_rate *
        weight_decay` of itself (Loshchilov and Hutter 2019, arXiv:1711.05101). None for Keras's
        default: 0.004 for adamw, 0 for the others.
    dropout : float, default=0.0
        Share of hidden units dropped in training, in [0, 1) (Srivastava et al. 2014).
    l2 : float, default=0.0
        Penalty `l2 * sum(kernel**2)` on every kernel, the output's included, >= 0.
    batch_size : int, default=32
        Rows per step, >= 1; the last, partial batch is trained too.
    epochs : int, default=100
        Most passes over the training rows, >= 1.
    early_stopping : bool, default=True
        Whether to stop after `patience` epochs without a better validation loss, and to restore
        the best weights, as Keras's `EarlyStopping(restore_best_weights=True)` does.
    patience : int, default=10
        Epochs without improvement that are waited for, >= 0.
    min_delta : float, default=0.0
        Least decrease that counts as an improvement, >= 0.
    validation_fraction : float or None, default=0.1
        Share of the rows set aside to validate on when stopping early, in (0, 1). None
        monitors the training loss. Unused when `fit` gets `validation_data`.
    standardize : bool, default=True
        Whether to scale each feature to mean 0 and deviation 1, and the target too, over the rows
        given to `fit`; part of the model that `to_keras` gives.
    random_state : int, RandomState or None, default=None
        Fixes the split, the initial weights, the order of rows and dropout.
    verbose : {0, 1, 2}, default=0
        Silent, a line every ten epochs, or a line per epoch.

    Attributes
    ----------
    history_ : dict of arrays, shape (epoch,)
        `"loss"`, `"val_loss"`, as Keras names them, in units of the standardised
        target when `standardize=True`.
    n_epochs_, best_epoch_ : int
        Epochs run; index of the epoch whose weights are kept.
    status_ : str
        `"finished"`, `"stopped_early"`, `"stopped_by_callback"` or `"diverged"`.
    weights_ : list of arrays
        Kernel and bias of each layer, in Keras's order and shapes.
    recipe_ : Recipe
        The hyperparameters with every `"auto"` and None resolved.
    n_features_in_, feature_names_in_
        Number of features; their names, if X had any.
    n_outputs_ : int
        Number of targets.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import kohort
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = kohort.DenseRegressor(width=32, epochs=20, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.4
    True
    """

    def _loss(self) -> str:
        loss = "mse" if self.loss == "auto" else self.loss
        names = [
            *losses.REGRESSION,
            *(a for a, of in losses.ALIASES.items() if of in losses.REGRESSION),
        ]
        check("loss", loss, OneOf(["auto", *names]))
        return loss

    @property
    def _outputs(self) -> int:
        return self.n_outputs_

    def _check_targets(self, y: Any, reset: bool) -> Floats:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self)
        targets = y.reshape(len(y), -1)
        if reset:
            self.n_outputs_ = targets.shape[1]
            self._flat = y.ndim == 1
        elif targets.shape[1] != self.n_outputs_:
            raise DataError(
                f"validation_data's y must have {self.n_outputs_} columns, as y has; "
                f"got {targets.shape[1]}."
            )
        return np.asarray(targets)

    def _target_scaling(self, targets: Floats, weight: Floats | None) -> Scaling:
        return Scaling.of(targets, weight, on=bool(self.standardize))

    def predict(self, X: Any) -> Floats:
        """Predict the target.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)

        Returns
        -------
        array of Keras's float type, shape (row,) or (row, target)
            In the target's own units.
        """
        raw = self._raw(X)
        values = self._target.undo(raw).astype(raw.dtype)
        return values[:, 0] if self._flat else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@dataclass(eq=False, repr=False)
class DenseClassifier(ClassifierMixin, DenseEstimator):  # type: ignore[misc]
    """Dense network for classification, of two classes or more.

    Parameters
    ----------
    depth : int, default=2
        Number of hidden layers, >= 0.
    width : int or list of int, default=128
        Units of each hidden layer, >= 1, or one number per hidden layer.
    activation : str, default="relu"
        Keras identifier of the hidden layers' activation.
    kernel_initializer : str, default="auto"
        Keras identifier. `"auto"` takes He for the ReLU family, LeCun for SELU, Glorot for the
        rest (He et al. 2015, arXiv:1502.01852; Glorot and Bengio 2010). Biases start at 0.
    loss : {"auto", "binary_crossentropy", "sparse_categorical_crossentropy"}, default="auto"
        `"auto"` is binary cross-entropy over one sigmoid output for two classes, and categorical
        cross-entropy over a softmax for more.
    optimizer : {"sgd", "momentum", "nesterov", "adam", "adamw"}, default="adam"
        Keras's optimizer of that name; momentum and nesterov are its SGD with momentum.
    learning_rate : float, default=0.001
        Step size, > 0.
    momentum : float, default=0.9
        In [0, 1); used by momentum and nesterov, ignored by the others.
    weight_decay : float or None, default=None
        Decoupled decay, >= 0: each step first shrinks every variable by `learning_rate *
        weight_decay` of itself (Loshchilov and Hutter 2019, arXiv:1711.05101). None for Keras's
        default: 0.004 for adamw, 0 for the others.
    dropout : float, default=0.0
        Share of hidden units dropped in training, in [0, 1) (Srivastava et al. 2014).
    l2 : float, default=0.0
        Penalty `l2 * sum(kernel**2)` on every kernel, the output's included, >= 0.
    batch_size : int, default=32
        Rows per step, >= 1; the last, partial batch is trained too.
    epochs : int, default=100
        Most passes over the training rows, >= 1.
    early_stopping : bool, default=True
        Whether to stop after `patience` epochs without a better validation loss, and to restore
        the best weights, as Keras's `EarlyStopping(restore_best_weights=True)` does.
    patience : int, default=10
        Epochs without improvement that are waited for, >= 0.
    min_delta : float, default=0.0
        Least decrease that counts as an improvement, >= 0.
    validation_fraction : float or None, default=0.1
        Share of the rows set aside to validate on when stopping early, in (0, 1), stratified where
        the classes are large enough. None monitors the training loss. Unused when `fit` gets
        `validation_data`.
    standardize : bool, default=True
        Whether to scale each feature to mean 0 and deviation 1, over the rows given to
        `fit`; part of the model that `to_keras` gives.
    random_state : int, RandomState or None, default=None
        Fixes the split, the initial weights, the order of rows and dropout.
    verbose : {0, 1, 2}, default=0
        Silent, a line every ten epochs, or a line per epoch.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times `sample_weight`; scikit-learn's convention.

    Attributes
    ----------
    history_ : dict of arrays, shape (epoch,)
        `"loss"`, `"val_loss"`, `"val_accuracy"`, as Keras names them.
    n_epochs_, best_epoch_ : int
        Epochs run; index of the epoch whose weights are kept.
    status_ : str
        `"finished"`, `"stopped_early"`, `"stopped_by_callback"` or `"diverged"`.
    weights_ : list of arrays
        Kernel and bias of each layer, in Keras's order and shapes.
    recipe_ : Recipe
        The hyperparameters with every `"auto"` and None resolved.
    n_features_in_, feature_names_in_
        Number of features; their names, if X had any.
    classes_ : array, shape (class,)
        Labels, sorted.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> import kohort
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = kohort.DenseClassifier(width=32, epochs=20, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    class_weight: dict[Any, float] | str | None = None

    def _loss(self) -> str:
        binary = len(getattr(self, "classes_", (0, 1))) == 2
        fitting = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
        check("loss", self.loss, OneOf(["auto", *losses.CLASSIFICATION]))
        if self.loss == "binary_crossentropy" and not binary:
            raise ParameterError(
                explain(
                    "loss",
                    f"'auto' or {fitting!r} for {len(self.classes_)} classes",
                    self.loss,
                )
            )
        return fitting if self.loss == "auto" else self.loss

    @property
    def _outputs(self) -> int:
        return 1 if self._loss() == "binary_crossentropy" else len(self.classes_)

    def _check_targets(self, y: Any, reset: bool) -> Floats:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if reset:
            self.classes_ = np.unique(y)
            if len(self.classes_) < 2:
                raise DataError(
                    "y must have at least two classes to tell apart; got 1 class, "
                    f"{self.classes_[0]!r}. Check the target column or the split."
                )
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(
                f"validation_data's y must hold only classes that y has; got {unknown.tolist()}."
            )
        return np.searchsorted(self.classes_, y).astype(np.float64)[:, None]

    def _class_weights(self, targets: Floats) -> Floats | None:
        if self.class_weight is None:
            return None
        labels = self.classes_[self._labels(targets)]
        try:
            return np.asarray(compute_sample_weight(self.class_weight, labels))
        except (ValueError, TypeError) as error:
            raise ParameterError(
                explain(
                    "class_weight",
                    "None, 'balanced' or a dict from class to weight",
                    self.class_weight,
                    f"({error})",
                )
            ) from error

    def _labels(self, targets: Floats) -> NDArray[Any]:
        return targets[:, 0].astype(np.intp)

    def predict_proba(self, X: Any) -> Floats:
        """Probability of each class.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)

        Returns
        -------
        array of Keras's float type, shape (row, class)
            Columns in the order of `classes_`; each row sums to 1.
        """
        raw = self._raw(X)
        if raw.shape[1] == 1:
            positive = expit(raw[:, 0])
            return np.stack([1 - positive, positive], axis=1)
        return np.asarray(softmax(raw, axis=1))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)

        Returns
        -------
        array of labels, shape (row,)
        """
        likeliest = np.argmax(self.predict_proba(X), axis=1)
        return np.asarray(self.classes_[likeliest])

"""`DenseRegressor` and `DenseClassifier`: a dense Keras network as a scikit-learn estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from kohort.arrays import TableLike, TargetsLike
from kohort.engine.member import Floats
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.dense.base import DenseEstimator
from kohort.estimators.dense.class_targets import (
    checked_classes,
    weights_of_targets,
)
from kohort.estimators.dense.parameters import documented
from kohort.estimators.dense.passes import probabilities
from kohort.estimators.scaling import Scaling
from kohort.estimators.text_in_tables import real_targets
from kohort.recipe import losses
from kohort.recipe.constraints import OneOf, check
from kohort.recipe.hyperparameter import HOST, STRUCTURE, Parameter
from kohort.studies.uncertainty import Uncertainty, uncertainty

_REGRESSION_LOSSES = (
    "auto",
    *losses.REGRESSION,
    *(alias for alias, name in losses.ALIASES.items() if name in losses.REGRESSION),
)
_CLASSIFICATION_LOSSES = ("auto", "focal", *losses.CLASSIFICATION)


@documented(
    Parameter(
        "loss", "loss", STRUCTURE, "auto", OneOf(_REGRESSION_LOSSES),
        '{"auto", "mse", "mae", "huber", "log_cosh", "quantile", "poisson"}',
        'Keras identifier; `"auto"` is mean squared error. With `standardize=True` it is computed '
        "on the standardised target, so that a learning rate does not depend on the target's unit. "
        "quantile is the pinball loss; poisson has a log link, for targets >= 0.",
    ),
)  # fmt: skip
@dataclass(eq=False, repr=False)
class DenseRegressor(RegressorMixin, DenseEstimator):  # type: ignore[misc]
    """Dense network for regression, of one target or several.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    history_ : dict of arrays, shape (epoch,)
        `"loss"`, `"val_loss"`, as Keras names them, in units of the standardised
        target when `standardize=True`.
    n_epochs_, best_epoch_ : int
        Epochs run; index of the epoch whose weights are kept.
    status_ : str
        `"finished"`, `"stopped_early"`, `"stopped_by_callback"` or `"diverged"`; `"paused"` for a
        fit in parts that has not ended.
    batch_size_plan_, rate_finding_ : BatchSizePlan, RateFinding
        The measurements of the batch size and of the learning rate that are `"auto"`.
    weights_ : list of arrays
        Trained variables layer by layer, in Keras's shapes: kernel, bias, gamma and beta of the
        normalisation, slopes of prelu; then the moving averages of batch_norm.
    networks_ : list of Outcome
        `weights`, `history`, `status` and `best_epoch` of each of `n_networks` networks; the
        attributes above are those of the first.
    diagnosis_ : Diagnosis
        With `diagnose=True`: the causes that keep the first network from learning, if any.
    recipe_ : Recipe
        The hyperparameters with every `"auto"` and None resolved.
    n_features_in_, feature_names_in_
        Number of features; their names, if X had any.
    n_outputs_ : int
        Number of targets.

    References
    ----------
    {references}

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
        check("loss", loss, OneOf(_REGRESSION_LOSSES))
        return losses.ALIASES.get(loss, loss)

    @property
    def _outputs(self) -> int:
        return self.n_outputs_

    def _check_targets(self, y: TargetsLike, reset: bool) -> Floats:
        y = real_targets(self, y)
        targets = y.reshape(len(y), -1)
        if reset:
            self.n_outputs_ = targets.shape[1]
            self._flat = y.ndim == 1
        elif targets.shape[1] != self.n_outputs_:
            raise DataError(
                f"validation_data's y must have {self.n_outputs_} columns, as y has; "
                f"got {targets.shape[1]}. Give both the same targets."
            )
        if self._loss() == "poisson" and targets.min() < 0:
            raise DataError(
                f"y must be >= 0 with loss='poisson'; got {targets.min():g}. "
                "Use loss='mse' for targets of either sign."
            )
        return np.asarray(targets)

    def _target_scaling(self, targets: Floats, weight: Floats | None) -> Scaling:
        if not self.standardize:
            return super()._target_scaling(targets, weight)
        learnt = Scaling.by_mean if self._loss() == "poisson" else Scaling.of_targets
        return learnt(targets, weight)

    def predict(self, X: TableLike, return_std: bool = False) -> Any:
        """Predict the target.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)
            Rows with the features that `fit` saw.
        return_std : bool, default=False
            Whether to return the standard deviation over the passes too: each of `n_networks`
            networks makes `mc_samples` passes with dropout left on. It is the uncertainty of the
            network, not the noise of the target.

        Returns
        -------
        mean : array of float64, shape (row,) or (row, target)
            Mean over all passes, in the target's own units. Double precision keeps the digits of a
            target that is large against its spread.
        deviation : array of float64, of the same shape
            Standard deviation over all passes; only with `return_std=True`.

        Raises
        ------
        ParameterError
            If `return_std` is True and there is a single pass.
        """
        check_is_fitted(self, "weights_")
        if return_std and self._n_passes < 2:
            raise _needs_passes("return_std", "False", return_std)
        means, deviations = [], []
        for raw in self._passes(X):
            values = self._linked(raw)
            means.append(self._target.undo(values.mean(axis=0)))
            if return_std:  # In the scaled unit: squares of large numbers overflow.
                deviations.append(self._target.scale * values.std(axis=0))
        if return_std:
            return self._shaped(means), self._shaped(deviations)
        return self._shaped(means)

    def _linked(self, passes: Floats) -> Floats:
        values = passes.astype(np.float64)
        return np.exp(values) if self.recipe_.loss == "poisson" else values

    def answered(self, passes: Floats) -> Floats:
        return self._target.undo(self._linked(passes).mean(axis=0))

    def _shaped(self, blocks: list[Floats]) -> Floats:
        values = np.concatenate(blocks)
        return values[:, 0] if self._flat else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@documented(
    Parameter(
        "loss", "loss", STRUCTURE, "auto", OneOf(_CLASSIFICATION_LOSSES),
        '{"auto", "focal"} or Keras identifier',
        '`"auto"` is binary cross-entropy over one sigmoid output for two classes, and categorical '
        'cross-entropy over a softmax for more; `"focal"` likewise with the focal loss (Lin et al. '
        "2017, arXiv:1708.02002).",
    ),
    Parameter(
        "class_weight", "class weights", HOST, None, OneOf(()), 'dict, "balanced" or None',
        "Weight of each class, >= 0, times `sample_weight`; scikit-learn's convention. With a "
        "column per label it takes rows of one label each, whose class is the column's position.",
    ),
)  # fmt: skip
@dataclass(eq=False, repr=False)
class DenseClassifier(ClassifierMixin, DenseEstimator):  # type: ignore[misc]
    """Dense network for classification, of two classes or more, or of several labels per row.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    history_ : dict of arrays, shape (epoch,)
        `"loss"`, `"val_loss"`, `"val_accuracy"`, as Keras names them.
    n_epochs_, best_epoch_ : int
        Epochs run; index of the epoch whose weights are kept.
    status_ : str
        `"finished"`, `"stopped_early"`, `"stopped_by_callback"` or `"diverged"`; `"paused"` for a
        fit in parts that has not ended.
    batch_size_plan_, rate_finding_ : BatchSizePlan, RateFinding
        The measurements of the batch size and of the learning rate that are `"auto"`.
    weights_ : list of arrays
        Trained variables layer by layer, in Keras's shapes: kernel, bias, gamma and beta of the
        normalisation, slopes of prelu; then the moving averages of batch_norm.
    networks_ : list of Outcome
        `weights`, `history`, `status` and `best_epoch` of each of `n_networks` networks; the
        attributes above are those of the first.
    diagnosis_ : Diagnosis
        With `diagnose=True`: the causes that keep the first network from learning, if any.
    recipe_ : Recipe
        The hyperparameters with every `"auto"` and None resolved.
    n_features_in_, feature_names_in_
        Number of features; their names, if X had any.
    classes_ : array, shape (class,)
        Labels, sorted; positions of the columns if y has a column of 0 and 1 per label.

    References
    ----------
    {references}

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

    _multilabel = False

    def _loss(self) -> str:
        binary = self._multilabel or len(getattr(self, "classes_", (0, 1))) == 2
        check("loss", self.loss, OneOf(_CLASSIFICATION_LOSSES))
        fitting = {
            "auto": "binary_crossentropy" if binary else "sparse_categorical_crossentropy",
            "focal": "binary_focal_crossentropy" if binary else "categorical_focal_crossentropy",
        }
        if losses.LINKS.get(self.loss) == "sigmoid" and not binary:
            raise ParameterError(
                explain(
                    "loss",
                    f"'auto' or {fitting['auto']!r} for {len(self.classes_)} classes",
                    self.loss,
                )
            )
        if losses.LINKS.get(self.loss) == "softmax" and self._multilabel:
            raise ParameterError(
                explain("loss", f"'auto' or {fitting['auto']!r} for a column per label", self.loss)
            )
        return fitting.get(self.loss, self.loss)

    @property
    def _outputs(self) -> int:
        single = losses.LINKS[self._loss()] == "sigmoid" and not self._multilabel
        return 1 if single else len(self.classes_)

    def _check_targets(self, y: TargetsLike, reset: bool) -> Floats:
        y = checked_classes(y, learn=reset)
        if reset:
            self._multilabel = y.ndim == 2
            self.classes_ = np.arange(y.shape[1]) if self._multilabel else np.unique(y)
            if len(self.classes_) < 2:
                raise DataError(
                    "y must have at least two classes to tell apart; got 1 class, "
                    f"{self.classes_.tolist()[0]!r}. Check the target column or the split."
                )
        if self._multilabel:
            if y.ndim != 2 or y.shape[1] != len(self.classes_):
                raise DataError(
                    f"validation_data's y must have {len(self.classes_)} columns of 0 and 1, as y "
                    f"has; got shape {y.shape}. Give both the same labels."
                )
            return y.astype(np.float64)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(
                f"validation_data's y must hold only classes that y has; got {unknown.tolist()}. "
                "Leave these rows out, or add some of the class to y."
            )
        return np.asarray(np.searchsorted(self.classes_, y), np.float64)[:, None]

    def _class_weights(self, targets: Floats) -> Floats | None:
        return weights_of_targets(self.class_weight, targets, self.classes_)

    def _labels(self, targets: Floats) -> NDArray[Any] | None:
        return None if self._multilabel else targets[:, 0].astype(np.intp)

    def predict_proba(self, X: TableLike) -> Floats:
        """Probability of each class, the mean over all passes.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)
            Rows with the features that `fit` saw.

        Returns
        -------
        array of float64, shape (row, class)
            Columns in the order of `classes_`; each row sums to 1, unless y has a column per label:
            then each is the probability of its label.
        """
        return np.concatenate([self.answered(passes) for passes in self._passes(X)])

    def answered(self, passes: Floats) -> Floats:
        return np.asarray(self._likely(passes).mean(axis=0))

    def _likely(self, passes: Floats) -> Floats:
        return probabilities(passes, losses.LINKS[self.recipe_.loss])

    def predict_uncertainty(self, X: TableLike) -> Uncertainty:
        """Uncertainty of each row's class, from several passes.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)
            Rows with the features that `fit` saw.

        Returns
        -------
        Uncertainty
            `predictive_entropy` and `mutual_information`, in nats, each of shape (row,), over
            `mc_samples` passes with dropout left on through each of `n_networks`; of shape
            (row, label) if y has a column per label.

        Raises
        ------
        ParameterError
            If there is only a single pass.
        """
        check_is_fitted(self, "weights_")
        if self._n_passes < 2:
            raise _needs_passes("mc_samples", "at least 2", self.mc_samples)

        def both(passes: Floats) -> Floats:
            by_label = np.stack([1 - passes, passes], axis=-1) if self._multilabel else passes
            return np.stack(uncertainty(by_label), axis=1)

        found = np.concatenate([both(self._likely(passes)) for passes in self._passes(X)])
        return Uncertainty(found[:, 0], found[:, 1])

    def predict(self, X: TableLike) -> NDArray[Any]:
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)
            Rows with the features that `fit` saw.

        Returns
        -------
        array, shape (row,) or (row, label)
            The label of each row; of shape (row, label), with 0 and 1, if y has a column per label.
        """
        if self._multilabel:
            return (self.predict_proba(X) > 0.5).astype(np.int64)
        likeliest = np.argmax(self.predict_proba(X), axis=1)
        return np.asarray(self.classes_[likeliest])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _needs_passes(name: str, requirement: str, value: object) -> ParameterError:
    return ParameterError(
        explain(
            name,
            f"{requirement} for a network that makes a single pass",
            value,
            "Set mc_samples to 50, say, with dropout > 0 before fitting, or n_networks to 5.",
        )
    )

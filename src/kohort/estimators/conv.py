"""`ConvClassifier` and `ConvRegressor`: images, as arrays or as files, to labels or numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.arrays import TargetsLike
from kohort.estimators.dense.class_targets import refuse_a_class_per_row
from kohort.estimators.image_estimator import PARAMETERS, ImageEstimator
from kohort.estimators.keras_models.classifier import KerasClassifier
from kohort.estimators.keras_models.documentation import documented
from kohort.estimators.keras_models.inputs import Inputs
from kohort.estimators.keras_models.regressor import KerasRegressor


@documented(PARAMETERS)
class ConvClassifier(ImageEstimator, KerasClassifier):
    """A convolutional network for classification of images.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_ : array, shape (class,)
        The labels, sorted.
    model_ : keras.Model
        The model with the trained weights.
    history_ : dict of lists
        Logs of each epoch, as Keras has them.
    n_skipped_ : int
        Number of files that could not be read and were left out, validation files included.
    worker_plan_, diagnosis_ : WorkerPlan, Diagnosis
        The measurements of `workers="auto"`; the findings of `diagnose=True`.

    Examples
    --------
    >>> import numpy as np, kohort
    >>> generator = np.random.default_rng(0)
    >>> X = generator.integers(0, 60, (80, 8, 8, 1), np.uint8)
    >>> y = np.arange(80) % 2
    >>> X[y == 1, :4] += 150  # bright above
    >>> model = kohort.ConvClassifier(width=4, learning_rate=0.05, epochs=5, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    """

    def _learn_targets(self, y: TargetsLike, inputs: Inputs) -> dict[str, Any]:
        refuse_a_class_per_row(np.asarray(y))
        return super()._learn_targets(y, inputs)

    def _head(self, meta: dict[str, Any]) -> tuple[int, str | None]:
        if self._indicates:
            return meta["n_outputs_"], "sigmoid"
        return meta["n_classes_"], "softmax"


@documented(PARAMETERS)
class ConvRegressor(ImageEstimator, KerasRegressor):
    """A convolutional network for regression on images.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    model_ : keras.Model
        The model with the trained weights.
    history_ : dict of lists
        Logs of each epoch, as Keras has them.
    n_skipped_ : int
        Number of files that could not be read and were left out, validation files included.
    worker_plan_, diagnosis_ : WorkerPlan, Diagnosis
        The measurements of `workers="auto"`; the findings of `diagnose=True`.

    Examples
    --------
    >>> import numpy as np, kohort
    >>> X = np.random.default_rng(0).random((64, 8, 8, 3))
    >>> model = kohort.ConvRegressor(depth=1, width=4, epochs=2, random_state=0)
    >>> model.fit(X, X.mean(axis=(1, 2, 3))).predict(X).shape
    (64,)
    """

    def _head(self, meta: dict[str, Any]) -> tuple[int, str | None]:
        return meta["n_outputs_"], None

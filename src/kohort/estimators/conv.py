"""`ConvClassifier` and `ConvRegressor`: images, as arrays or as files, to labels or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.arrays import Floats, OptimizerLike, TargetsLike
from kohort.estimators.dense.class_targets import refuse_a_class_per_row
from kohort.estimators.image_estimator import PARAMETERS, ImageEstimator
from kohort.estimators.keras_models.classifier import KerasClassifier
from kohort.estimators.keras_models.documentation import documented
from kohort.estimators.keras_models.inputs import Inputs, known_loss
from kohort.estimators.keras_models.regressor import KerasRegressor
from kohort.estimators.scaling import Scaling
from kohort.networks.lifted.architectures import ImageRecipe
from kohort.networks.lifted.columns import Columns
from kohort.recipe.constraints import check, flag
from kohort.recipe.losses import REGRESSION

if TYPE_CHECKING:
    import keras

_OF_DIFFERENCES = REGRESSION.keys() - {"poisson"}
"""Losses that a shift of the target and of the output leaves as they are."""


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


@documented(
    PARAMETERS.replace(
        "    optimizer :",
        """    standardize : bool, default=True
        Whether to train on the target of mean 0 and deviation 1, each of several by itself, over
        the rows that are trained on, weighed by `sample_weight`. The loss is computed on the
        standardised target, so that neither a learning rate nor the delta of Huber's loss depends
        on the target's unit. False trains on the target in its own unit, as does a loss that is
        your own or one of Keras's others than "mse", "mae", "huber" and "log_cosh".
    optimizer :""",
        1,
    )
)
class ConvRegressor(ImageEstimator, KerasRegressor):
    """A convolutional network for regression on images, of one target or several.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    model_ : keras.Model
        The network as it trains: its output is the standardised target when `standardize=True`.
        `to_keras` gives a model of the target's own unit.
    history_ : dict of lists
        Loss and metrics of each epoch, as Keras names them, in units of the standardised target
        when `standardize=True`.
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

    def __init__(
        self, architecture: str = "vgg", *, depth: int = 2, width: int = 32,
        backbone: str | None = None, backbone_weights: str | None = None, activation: str = "relu",
        batch_norm: bool = True, dropout: float = 0.0, l2: float = 0.0, augment: Sequence[str] = (),
        augment_strength: float = 0.1, image_size: tuple[int, int] | None = None,
        crop_to_aspect_ratio: bool = False, channels: int | None = None,
        workers: int | str | None = None, bad_images: str = "raise", standardize: bool = True,
        optimizer: OptimizerLike = "adam", learning_rate: float | str = 0.001, epochs: int = 10,
        **parameters: object,
    ) -> None:  # fmt: skip
        super().__init__(
            architecture, depth=depth, width=width, backbone=backbone,
            backbone_weights=backbone_weights, activation=activation, batch_norm=batch_norm,
            dropout=dropout, l2=l2, augment=augment, augment_strength=augment_strength,
            image_size=image_size, crop_to_aspect_ratio=crop_to_aspect_ratio, channels=channels,
            workers=workers, bad_images=bad_images, optimizer=optimizer,
            learning_rate=learning_rate, epochs=epochs, **parameters,
        )  # fmt: skip
        self.standardize = standardize

    def _head(self, meta: dict[str, Any]) -> tuple[int, str | None]:
        return meta["n_outputs_"], None

    def _recipe(self) -> ImageRecipe:
        check("standardize", self.standardize, flag())
        return super()._recipe()

    def _target_columns(self, model: keras.Model, outputs: Sequence[tuple[int, ...]]) -> Columns:
        self._known_loss = known_loss(model.loss)
        return super()._target_columns(model, outputs)

    def _target_scaling(self, targets: Floats, weight: Floats | None) -> Scaling:
        if self.standardize and self._known_loss in _OF_DIFFERENCES:
            return Scaling.of_targets(targets, weight)
        return super()._target_scaling(targets, weight)

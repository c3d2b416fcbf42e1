"""`ConvClassifier` and `ConvRegressor`: images, as arrays or as files, to labels or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kohort.data.images import check_files, is_paths, read_images, refuse
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.keras_models.data import Inputs
from kohort.estimators.keras_models.estimator import KerasEstimator
from kohort.estimators.keras_models.wrappers import (
    KerasClassifier,
    KerasRegressor,
    documented,
)
from kohort.networks.keras_models.architectures import (
    ARCHITECTURES,
    AUGMENTATIONS,
    ImageRecipe,
    image_model,
)
from kohort.recipe.constraints import Interval, OneOf, check, flag, optional, sequence_of

_SIDE = Interval(1, np.inf, whole=True)

_PARAMETERS = """architecture : {"vgg", "resnet"}, default="vgg"
        `"vgg"`: `depth` stages of two 3x3 convolutions and a pooling; `"resnet"`: three stages of
        `depth` pre-activation blocks (He et al. 2016). Filters double from stage to stage; global
        average pooling and one dense layer end both.
    depth, width : int, default=2, 32
        Stages or blocks, and filters of the first stage, >= 1.
    backbone : str or None, default=None
        One of `keras.applications` instead, such as `"MobileNetV2"`.
    backbone_weights : path or None, default=None
        File of its weights; None for random ones.
    activation : str, default="relu"
        Keras's name.
    batch_norm : bool, default=True
        Batch normalisation in front of each activation.
    dropout : float, default=0.0
        Before the last layer, in [0, 1).
    l2 : float, default=0.0
        Factor of the kernels' L2 penalty, >= 0.
    augment : sequence of {"flip", "crop", "rotation", "color"}, default=()
        Random changes of the training images, inside the compiled program.
    augment_strength : float, default=0.1
        Largest shift as a share of the size, turn as a share of 180 degrees, change of brightness
        and contrast, in [0, 1].
    image_size : (height, width) or None, default=None
        Size that image files are resized to; None for the one that all have.
    channels : {1, 3} or None, default=None
        Of image files; None for 1 if all are grey, else 3.
    bad_images : {"raise", "skip"}, default="raise"
        What `fit` does about files that are no images: one error that names them, or train without
        them and count them in `n_skipped_`.
    optimizer : str, class or keras.optimizers.Optimizer, default="adam"
    learning_rate : float, default=0.001
    epochs : int, default=10
    **parameters
        Any other of `KerasClassifier` and `KerasRegressor`: `batch_size`, `callbacks`,
        `validation_split`, `random_state`, `optimizer__clipnorm`, ..."""


class _Images(KerasEstimator):
    """What both estimators share."""

    _fixed = ("model",)

    def __init__(
        self,
        architecture: str = "vgg",
        *,
        depth: int = 2,
        width: int = 32,
        backbone: str | None = None,
        backbone_weights: str | None = None,
        activation: str = "relu",
        batch_norm: bool = True,
        dropout: float = 0.0,
        l2: float = 0.0,
        augment: Sequence[str] = (),
        augment_strength: float = 0.1,
        image_size: tuple[int, int] | None = None,
        channels: int | None = None,
        bad_images: str = "raise",
        optimizer: Any = "adam",
        learning_rate: float = 0.001,
        epochs: int = 10,
        **parameters: Any,
    ) -> None:
        super().__init__(optimizer=optimizer, epochs=epochs, **parameters)
        self.architecture = architecture
        self.depth = depth
        self.width = width
        self.backbone = backbone
        self.backbone_weights = backbone_weights
        self.activation = activation
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.l2 = l2
        self.augment = augment
        self.augment_strength = augment_strength
        self.image_size = image_size
        self.channels = channels
        self.bad_images = bad_images
        self.learning_rate = learning_rate

    @property
    def _optimizer_options(self) -> dict[str, Any]:
        return {"learning_rate": self.learning_rate}

    def _keras_build_fn(self, meta: dict[str, Any]) -> Any:
        return image_model(
            self._recipe(), meta["X_shape_"][1:], *self._head(meta), scale=self._pixel_scale
        )

    def _head(self, meta: dict[str, Any]) -> tuple[int, str | None]:
        raise NotImplementedError

    def _recipe(self) -> ImageRecipe:
        check("architecture", self.architecture, OneOf(ARCHITECTURES))
        check("depth", self.depth, Interval(1, 64, "both", whole=True))
        check("width", self.width, Interval(1, np.inf, whole=True))
        check("batch_norm", self.batch_norm, flag())
        check("dropout", self.dropout, Interval(0, 1))
        check("l2", self.l2, Interval(0, np.inf))
        check("augment_strength", self.augment_strength, Interval(0, 1, "both"))
        if isinstance(self.augment, str) or not set(self.augment) <= set(AUGMENTATIONS):
            requirement = f"a sequence of {', '.join(AUGMENTATIONS)}"
            raise ParameterError(explain("augment", requirement, self.augment))
        return ImageRecipe(
            self.architecture, self.depth, self.width, self.backbone, self.backbone_weights,
            self.activation, self.batch_norm, self.dropout, self.l2, tuple(self.augment),
            self.augment_strength,
        )  # fmt: skip

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Self:
        """Build the model and train it.

        Inside `kohort.together()` the call waits and trains with the other fits.

        Parameters
        ----------
        X : array of uint8 or float, shape (image, height, width, channel) or (image, height,
            width); or list or array of paths of image files
        y, sample_weight, **fit_params
            As those of `KerasClassifier.fit`.

        Returns
        -------
        self

        Raises
        ------
        DataError
            If files cannot be read or have several sizes, or X has another number of axes.
        """
        self._recipe()
        check("bad_images", self.bad_images, OneOf(("raise", "skip")))
        if self.channels not in (None, 1, 3):
            raise ParameterError(explain("channels", "1, 3 or None", self.channels))
        check("image_size", self.image_size, optional(sequence_of(_SIDE)))
        if self.image_size is not None and len(self.image_size) != 2:
            raise ParameterError(explain("image_size", "(height, width) or None", self.image_size))
        self.n_skipped_ = 0
        if is_paths(X):
            good, faults = check_files(X)
            if self.bad_images == "raise" or not good.any():
                refuse(faults, len(X))
            self.n_skipped_ = len(faults)
            if faults:
                X = [path for path, fine in zip(X, good, strict=True) if fine]
                y = np.asarray(y)[good]
                sample_weight = None if sample_weight is None else np.asarray(sample_weight)[good]
        return super().fit(X, y, sample_weight, **fit_params)

    def _prepare(self, X: Any, y: Any, batch_size: Any) -> Inputs:
        return super()._prepare(self._pixels(X, learn=True), y, batch_size)

    def _inputs(self, X: Any) -> Inputs:
        return super()._inputs(self._pixels(X))

    def _pixels(self, X: Any, learn: bool = False) -> NDArray[Any]:
        """X as an array of four axes."""
        if is_paths(X):
            X = read_images(X, self.image_size, self.channels)
        array = np.asarray(X)
        if array.ndim == 3:
            array = array[..., None]
        if array.ndim != 4:
            raise DataError(
                "X must be images of shape (image, height, width, channel), or paths of image "
                f"files; got an array of shape {array.shape}."
            )
        if learn:
            self._pixel_scale = 1 / 255 if array.dtype == np.uint8 else 1.0
        elif hasattr(self, "_pixel_scale") and (array.dtype == np.uint8) != (
            self._pixel_scale != 1
        ):
            was = "uint8" if self._pixel_scale != 1 else "float"
            raise DataError(f"X must be {was} pixels, as in fit; got {array.dtype}.")
        return array if array.dtype == np.float64 else array.astype(np.float32)


@documented(_PARAMETERS)
class ConvClassifier(_Images, KerasClassifier):
    """A convolutional network for classification of images.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    classes_ : array
    model_ : keras.Model
    history_ : dict of lists
        Logs of each epoch, as Keras gives them.
    n_skipped_ : int
        Files that were left out.
    diagnosis_ : Diagnosis
        With `diagnose=True`: what keeps the model from learning, if anything does.

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

    def _head(self, meta: dict[str, Any]) -> tuple[int, str | None]:
        if self._indicates:
            return meta["n_outputs_"], "sigmoid"
        return meta["n_classes_"], "softmax"


@documented(_PARAMETERS)
class ConvRegressor(_Images, KerasRegressor):
    """A convolutional network for regression on images.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    model_ : keras.Model
    history_ : dict of lists
        Logs of each epoch, as Keras gives them.
    n_skipped_ : int
        Files that were left out.
    diagnosis_ : Diagnosis
        With `diagnose=True`: what keeps the model from learning, if anything does.

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

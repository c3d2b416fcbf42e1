"""The base of both estimators of images: parameters, files, pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from kohort.arrays import OptimizerLike, TableLike, TargetsLike, WeightsLike
from kohort.cohort.session import current
from kohort.data.images import image_files, image_rows, is_paths, refuse_faults
from kohort.data.pixel_store import PixelStore, reading_once, shared_store
from kohort.data.streams import Stream
from kohort.engine.memory import available_memory
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.dense.parameters import WORKERS
from kohort.estimators.keras_models.build import copy_of
from kohort.estimators.keras_models.estimator import KerasEstimator
from kohort.estimators.keras_models.inputs import Inputs
from kohort.estimators.keras_models.prepared import KerasPrepared
from kohort.estimators.keras_models.training import Job
from kohort.estimators.preparation import unpack_validation, warn_of_export
from kohort.networks.lifted.architectures import (
    ARCHITECTURES,
    AUGMENTATIONS,
    ImageRecipe,
    image_model,
)
from kohort.recipe.constraints import Interval, OneOf, check, flag, optional, sequence_of
from kohort.studies.prepared import AUTO, or_auto

_SIDE = Interval(1, np.inf, whole=True)
_MEMORY_SHARE = 4

PARAMETERS = """architecture : {"vgg", "resnet"}, default="vgg"
        `"vgg"`: `depth` stages of two 3x3 convolutions and a pooling; `"resnet"`: three stages of
        `depth` pre-activation blocks (He et al. 2016, arXiv:1603.05027). Filters double from stage
        to stage; global average pooling and one dense layer end both.
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
        Size in pixels that image files are resized to; None if all have the same size already.
    crop_to_aspect_ratio : bool, default=False
        Whether to cut the ends of an image off that are too long for `image_size`, instead of
        squeezing it; Keras's name.
    channels : {1, 3} or None, default=None
        Channels of image files; None for 1 if all files are grey, else 3.
    workers : int, "auto" or None, default=None
        Processes that read image files, each once for all fits that train on it together, >= 0;
        they need the package grain. 0 reads in the training process, `"auto"` asks
        `kohort.plan_workers`. None decodes the files into memory once if a quarter of the free
        memory can hold them, and is `"auto"` otherwise. The network is the same in each case.
    bad_images : {"raise", "skip"}, default="raise"
        `"raise"` ends the fit with one error that names the files that are no images; `"skip"`
        trains and validates without them and counts them in `n_skipped_`.
    optimizer : str, class or keras.optimizers.Optimizer, default="adam"
        As Keras names it.
    learning_rate : float or "auto", default=0.001
        "auto" asks `kohort.find_learning_rate`.
    epochs : int, default=10
        Passes over the training images, >= 1.
    **parameters
        Any other of `KerasClassifier` and `KerasRegressor`: `batch_size`, `callbacks`,
        `validation_split`, `random_state`, `optimizer__clipnorm`, ..."""


class ImageEstimator(KerasEstimator):
    """Behaviour of `ConvClassifier` and `ConvRegressor`."""

    _fixed = ("model",)
    _kept_dtypes = (np.uint8,)
    _rate_parameter = "learning_rate"

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
        crop_to_aspect_ratio: bool = False,
        channels: int | None = None,
        workers: int | str | None = None,
        bad_images: str = "raise",
        optimizer: OptimizerLike = "adam",
        learning_rate: float | str = 0.001,
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
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.channels = channels
        self.workers = workers
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
        if isinstance(self.learning_rate, Real | str):
            check("learning_rate", self.learning_rate, or_auto(Interval(0, np.inf, "neither")))
        check("augment_strength", self.augment_strength, Interval(0, 1, "both"))
        if isinstance(self.augment, str) or not set(self.augment) <= set(AUGMENTATIONS):
            requirement = f"a sequence of {', '.join(AUGMENTATIONS)}"
            raise ParameterError(explain("augment", requirement, self.augment))
        return ImageRecipe(
            self.architecture, self.depth, self.width, self.backbone, self.backbone_weights,
            self.activation, self.batch_norm, self.dropout, self.l2, tuple(self.augment),
            self.augment_strength,
        )  # fmt: skip

    def fit(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None, **fit_params: Any
    ) -> Self:
        """Build the model and train it.

        Inside `kohort.together()` the call waits and trains with the other fits.

        Parameters
        ----------
        X : array of uint8 or float, or list, array or Series of paths
            Images of shape (image, height, width[, channel]), or the image files.
        y, sample_weight : array-like, shape (image,) or (image, target)
            Class or number, and weight, of each image, as in `KerasClassifier.fit`.
        **fit_params : object
            Arguments of Keras's `fit`; they override the estimator's parameters.

        Returns
        -------
        self
            The trained estimator.

        Raises
        ------
        DataError
            If files cannot be read or have several sizes, or X has another number of axes.
        """
        with reading_once():
            return super().fit(X, y, sample_weight, **fit_params)

    def prepare(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None, **fit_params: Any
    ) -> KerasPrepared:
        with reading_once():
            return super().prepare(X, y, sample_weight, **fit_params)

    def initialize(self, X: TableLike, y: TargetsLike) -> Self:
        with reading_once():
            return super().initialize(X, y)

    def _partially_fitted(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike, fit_params: dict[str, Any]
    ) -> Self:  # fmt: skip
        with reading_once():
            return super()._partially_fitted(X, y, sample_weight, fit_params)

    def _options(self, fit_params: dict[str, Any]) -> dict[str, Any]:
        options = super()._options(fit_params)
        if options.get("validation_data") is not None:
            given = unpack_validation(options["validation_data"])
            options["validation_data"] = self._without_faults(*given)
        return options

    def to_keras(self) -> Any:
        """The network as a compiled `keras.Model` that may be trained apart from `model_`.

        Returns
        -------
        keras.Model
            Input: images, with pixels in the unit that `fit` saw. Output: the probability of each
            class, or `(row, target)` in the target's own unit; the last layer's kernel and bias
            take in the standardisation. Compiled with the estimator's optimizer and loss, ready
            for `evaluate`, `fit` or `save`.

        Raises
        ------
        DataError
            If y is too large for Keras's type.
        """
        from kohort.estimators.dense.keras_losses import saved_whole

        check_is_fitted(self, "weights_")
        warn_of_export("y", self._target, stacklevel=2)
        model = copy_of(self.model_, loss=saved_whole(self.model_.loss))
        last = model.layers[-1]
        kernel, bias = last.get_weights()
        last.set_weights([kernel * self._target.scale, self._target.undo(bias)])
        model.optimizer.build(model.trainable_variables)  # A saved model loads complete.
        return model

    def _readable(self, X: TableLike, y: TargetsLike, weight: WeightsLike) -> tuple[Any, Any, Any]:
        """Check the parameters; leave out files that are no images, with targets and weights."""
        self._recipe()
        self._check_reading()
        self.n_skipped_ = 0
        return self._without_faults(X, y, weight)

    def _without_faults(
        self, X: TableLike, y: TargetsLike, weight: WeightsLike
    ) -> tuple[Any, Any, Any]:
        """Leave out and count files that are no images, with their targets and weights."""
        if not is_paths(X):
            return X, y, weight
        found = self._store.headers(X)
        good = np.array([not header.fault for header in found])
        if self.bad_images == "raise" or not good.any():
            refuse_faults(X, found)
        if good.all():
            return X, y, weight
        check_consistent_length(X, y, weight)
        self.n_skipped_ += int(len(X) - good.sum())
        y, weight = (None if part is None else np.asarray(part)[good] for part in (y, weight))
        return [path for path, fine in zip(X, good, strict=True) if fine], y, weight

    def _check_reading(self) -> None:
        """Refuse bad parameters of how files are read."""
        check("bad_images", self.bad_images, OneOf(("raise", "skip")))
        check("crop_to_aspect_ratio", self.crop_to_aspect_ratio, flag())
        if self.channels not in (None, 1, 3):
            raise ParameterError(explain("channels", "1, 3 or None", self.channels))
        check("image_size", self.image_size, optional(sequence_of(_SIDE)))
        if self.image_size is not None and len(self.image_size) != 2:
            raise ParameterError(explain("image_size", "(height, width) or None", self.image_size))
        check("workers", self.workers, optional(WORKERS))

    @property
    def _store(self) -> PixelStore:
        """The store of pixels read from files: the open cohort's, or one for this fit or plan."""
        cohort = current()
        return shared_store() if cohort is None else cohort.pixels

    def _prepared(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike, options: dict[str, Any]
    ) -> KerasPrepared:
        return super()._prepared(self._pixels(X, learn=True), y, sample_weight, options)

    def _automatic(self, job: Job, options: dict[str, Any]) -> frozenset[str]:
        names = super()._automatic(job, options)
        asked = isinstance(job.rows.x, Stream) and self.workers in (None, AUTO)
        return names | {"workers"} if asked else names

    def _inputs(self, X: TableLike) -> Inputs:
        return super()._inputs(self._pixels(X))

    def _pixels(self, X: TableLike, learn: bool = False) -> NDArray[Any] | Stream:
        """X as an array of four axes, or as rows that stay in their files."""
        if is_paths(X):
            return self._from_files(X, learn)
        array = np.asarray(X)
        if array.ndim == 3:
            array = array[..., None]
        if array.ndim != 4:
            raise DataError(
                "X must be images of shape (image, height, width, channel), or paths of image "
                f"files; got an array of shape {array.shape}. Reshape it."
            )
        if learn:
            self._pixel_scale = 1 / 255 if array.dtype == np.uint8 else 1.0
            self._file_form = array.shape[1:]
        elif hasattr(self, "_pixel_scale") and (array.dtype == np.uint8) != (
            self._pixel_scale != 1
        ):
            was = "uint8" if self._pixel_scale != 1 else "float"
            raise DataError(f"X must be {was} pixels, as in fit; got {array.dtype}. Convert them.")
        kept = array.dtype in (np.float64, np.uint8)
        return array if kept else array.astype(np.float32)

    def _from_files(self, paths: TableLike, learn: bool) -> NDArray[Any] | Stream:
        store = self._store
        channels = self.channels if learn else self._file_form[2]
        images = image_files(
            paths, store.headers(paths), self.image_size, channels, bool(self.crop_to_aspect_ratio)
        )
        form = images.shape
        if learn:
            self._file_form, self._pixel_scale = form, 1 / 255
        elif form != self._file_form:
            raise DataError(
                f"The image files must be {self._file_form[0]}x{self._file_form[1]}, as in fit; "
                f"got {form[0]}x{form[1]}. Set image_size=(height, width) before fitting, to which "
                "all files are then resized."
            )
        roomy = len(paths) * math.prod(form) <= available_memory() // _MEMORY_SHARE
        if roomy and (self.workers is None or not learn):
            return store.pixels(images)
        return image_rows(images, self._readers if learn else 0)

    @property
    def _readers(self) -> int:
        """Worker processes that read the files of a fit, as far as they need not be measured."""
        return 0 if self.workers is None or self.workers == AUTO else int(self.workers)

"""Losses that Keras lacks or does not save whole, as Keras's own classes."""

from __future__ import annotations

from typing import Any, Self

import keras

from kohort.arrays import Array, LossLike
from kohort.networks.lifted.keras_private import function_options
from kohort.recipe.recipe import Recipe

_NEEDS = "`import kohort` before this model is loaded, or keras.models.load_model(compile=False)"


class _Kohorts:
    """A loss that Keras loads once kohort is imported; without it, Keras's error says so."""

    def get_config(self) -> dict[str, Any]:
        """Keras's error shows the entry in a file for a loss that it does not know."""
        return {**super().get_config(), "needs": _NEEDS}  # type: ignore[misc]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**{name: value for name, value in config.items() if name != "needs"})


@keras.saving.register_keras_serializable(package="kohort")
class QuantileLoss(_Kohorts, keras.losses.Loss):  # type: ignore[misc]
    """The pinball loss, which Keras lacks; as Keras saves and loads it.

    Parameters
    ----------
    quantile : float
        In (0, 1).
    """

    def __init__(self, quantile: float = 0.5, name: str = "quantile", **more: Any) -> None:
        super().__init__(name=name, **more)
        self.quantile = quantile

    def call(self, y_true: Array, y_pred: Array) -> Any:
        error = keras.ops.cast(y_true, y_pred.dtype) - y_pred
        pinball = keras.ops.maximum(self.quantile * error, (self.quantile - 1) * error)
        return keras.ops.mean(pinball, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "quantile": self.quantile}


@keras.saving.register_keras_serializable(package="kohort")
class HuberLoss(_Kohorts, keras.losses.Huber):  # type: ignore[misc]
    """Keras's Huber loss, saved with its delta, which Keras 3.15 leaves out.

    Parameters
    ----------
    delta : float
        Where the loss turns from quadratic to linear, > 0.
    """

    def __init__(self, delta: float = 1.0, name: str = "huber_loss", **more: Any) -> None:
        super().__init__(delta, name=name, **more)
        self.delta = delta

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "delta": self.delta}


@keras.saving.register_keras_serializable(package="kohort")
class SparseFocalLoss(_Kohorts, keras.losses.Loss):  # type: ignore[misc]
    """Focal or smoothed cross-entropy on labels that are positions, which Keras lacks.

    Parameters
    ----------
    gamma : float
        Focal exponent, >= 0; 0 for plain cross-entropy.
    label_smoothing : float
        In [0, 1].
    """

    def __init__(
        self, gamma: float = 0.0, label_smoothing: float = 0.0, name: str = "focal", **more: Any
    ) -> None:
        super().__init__(name=name, **more)
        self.gamma, self.label_smoothing = gamma, label_smoothing

    def call(self, y_true: Array, y_pred: Array) -> Any:
        classes = y_pred.shape[-1]
        labels = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        return keras.losses.categorical_focal_crossentropy(
            keras.ops.one_hot(labels, classes),
            y_pred,
            alpha=1.0,
            gamma=self.gamma,
            label_smoothing=self.label_smoothing,
        )

    def get_config(self) -> dict[str, Any]:
        own = {"gamma": self.gamma, "label_smoothing": self.label_smoothing}
        return {**super().get_config(), **own}


def saved_whole(loss: LossLike) -> Any:
    """The loss, or an equal one that Keras saves with its numbers."""
    if type(loss) is not keras.losses.Huber:
        return loss
    delta = function_options(loss)["delta"]
    # Keras takes the delta that it leaves out for 1 when it loads the loss.
    return loss if delta == 1 else HuberLoss(delta, reduction=loss.reduction)


def keras_loss(recipe: Recipe) -> Any:
    """The recipe's loss as Keras's own, on probabilities and labels as positions."""
    smoothing, gamma = recipe.label_smoothing, recipe.focal_gamma
    if recipe.loss == "huber":
        return saved_whole(keras.losses.Huber(recipe.huber_delta))
    if recipe.loss == "quantile":
        return QuantileLoss(recipe.quantile)
    if recipe.loss == "binary_crossentropy" and smoothing:
        return keras.losses.BinaryCrossentropy(label_smoothing=smoothing)
    if recipe.loss == "binary_focal_crossentropy":
        return keras.losses.BinaryFocalCrossentropy(gamma=gamma, label_smoothing=smoothing)
    if recipe.loss == "categorical_focal_crossentropy" or (
        recipe.loss == "sparse_categorical_crossentropy" and smoothing
    ):
        focal = gamma if recipe.loss == "categorical_focal_crossentropy" else 0.0
        return SparseFocalLoss(focal, smoothing)
    return recipe.loss

"""Keras's losses of masked outputs, over the rows of a batch that exist.

A loss that a mask or an ignored class thins out is divided by the number of values that are left.
Rows that only fill a batch up must not be among them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kohort.arrays import Array, WeightsLike
from kohort.deferred import jax, jnp
from kohort.networks.lifted.keras_private import (
    compiled_loss,
    entries_of,
    function_options,
    layers_of,
    mask_of,
    put_mask,
)
from kohort.networks.lifted.users_code import of_keras

if TYPE_CHECKING:
    import keras


def masks_of(outputs: jax.Array) -> list[Any]:
    """The Keras mask of each output of a model; None for one that has none."""
    return [mask_of(output) for output in jax.tree.leaves(outputs)]


def with_masks(outputs: jax.Array, masks: list[Any]) -> Any:
    """The same outputs, with these Keras masks."""
    for output, mask in zip(jax.tree.leaves(outputs), masks, strict=True):
        if mask is not None:
            put_mask(output, mask)
    return outputs


def may_mask(model: keras.Model) -> bool:
    """Whether a mask may reach a loss of a compiled model: by a layer, or by an ignored class."""
    layers = layers_of(model)
    losses = [entry.loss for entry in entries_of(compiled_loss(model))]
    return any(_may_mask(layer) for layer in layers) or any(
        function_options(loss).get("ignore_class") is not None or not of_keras(loss)
        for loss in losses
    )


def _may_mask(layer: keras.Layer) -> bool:
    masking = type(layer).__name__ == "Masking" or getattr(layer, "mask_zero", False)
    return bool(masking) or not of_keras(layer)


def over_existing(loss: keras.Loss, exists: Array, found: list[Any]) -> Callable[..., Any]:
    """A Keras loss in which a mask counts the rows that exist, and no others.

    Parameters
    ----------
    loss : keras.losses.Loss
    exists : array of bool, shape (row,)
    found : list
        Receives each mask that is met.

    Returns
    -------
    callable
        `loss(y_true, y_pred, sample_weight)`. The weights make up for rows that do not exist, as
        those of a loss without a mask do.
    """
    import keras

    if type(loss).__call__ is not keras.losses.Loss.__call__:
        return loss

    def masked(y_true: Array, y_pred: Array, sample_weight: WeightsLike = None) -> Any:
        given, thinned = mask_of(y_pred), object.__new__(type(loss))

        def call(y_true: Array, y_pred: Array) -> Any:
            values = loss.call(y_true, y_pred)
            masks = [m for m in (given, mask_of(values)) if m is not None]
            if not masks:
                return values
            found.extend(masks)
            real = exists.reshape(-1, *[1] * (masks[0].ndim - 1))
            for mask in masks:
                real = jnp.logical_and(real, mask.astype(bool))
            if loss.reduction != "mean_with_sample_weight":
                values = values * jnp.mean(exists.astype(values.dtype))
            values = values + 0  # A value of its own to hang the mask on.
            put_mask(values, real)
            return values

        # Another model may have the same loss; Keras's own copying saves and loads it.
        vars(thinned).update(vars(loss), call=call)
        return thinned(y_true, y_pred, sample_weight)

    return masked

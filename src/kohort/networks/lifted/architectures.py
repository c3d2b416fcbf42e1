"""Built-in image models: a small VGG-like stack, a pre-activation ResNet, Keras's applications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kohort.errors import ParameterError, explain

if TYPE_CHECKING:
    import jax

ARCHITECTURES = ("vgg", "resnet")
AUGMENTATIONS = ("flip", "crop", "rotation", "color")
_STAGES = 3


@dataclass(frozen=True)
class ImageRecipe:
    """The parameters of an image model; see `kohort.ConvClassifier` for each field."""

    architecture: str
    depth: int
    width: int
    backbone: str | None
    backbone_weights: str | None
    activation: str
    batch_norm: bool
    dropout: float
    l2: float
    augment: tuple[str, ...]
    augment_strength: float


def image_model(
    recipe: ImageRecipe, shape: Sequence[int], units: int, activation: str | None, scale: float
) -> Any:
    """An uncompiled Keras model of images.

    Parameters
    ----------
    recipe : ImageRecipe
    shape : (height, width, channel)
    units : int
        Outputs.
    activation : str or None
        Of the outputs.
    scale : float
        Factor that brings pixels into [0, 1].
    """
    import keras

    layers = keras.layers
    inputs = keras.Input(tuple(shape))
    x = layers.Rescaling(scale)(inputs) if scale != 1 else inputs
    for layer in _augmentations(recipe):
        x = layer(x)
    if recipe.backbone is not None:
        x = _backbone(recipe)(x)
    elif recipe.architecture == "vgg":
        x = _vgg(recipe, x)
    else:
        x = _resnet(recipe, x)
    x = layers.GlobalAveragePooling2D()(x)
    if recipe.dropout:
        x = layers.Dropout(recipe.dropout)(x)
    return keras.Model(inputs, layers.Dense(units, activation, kernel_regularizer=_l2(recipe))(x))


def _l2(recipe: ImageRecipe) -> Any:
    import keras

    return keras.regularizers.L2(recipe.l2) if recipe.l2 else None


def _augmentations(recipe: ImageRecipe) -> list[Any]:
    import keras

    layers, strength = keras.layers, recipe.augment_strength
    made: list[Any] = []
    for name in recipe.augment:
        if name == "flip":
            made.append(layers.RandomFlip("horizontal"))
        elif name == "crop":
            made.append(layers.RandomTranslation(strength, strength, fill_mode="constant"))
        elif name == "rotation":
            made.append(layers.RandomRotation(strength / 2, fill_mode="constant"))
        else:
            made.append(layers.RandomBrightness(strength, value_range=(0, 1)))
            made.append(layers.RandomContrast(strength, value_range=(0, 1)))
    return made


def _convolution(recipe: ImageRecipe, filters: int, size: int = 3, strides: int = 1) -> Any:
    import keras

    return keras.layers.Conv2D(
        filters, size, strides, padding="same", use_bias=not recipe.batch_norm,
        kernel_initializer="he_normal", kernel_regularizer=_l2(recipe),
    )  # fmt: skip


def _activated(recipe: ImageRecipe, x: jax.Array) -> Any:
    import keras

    if recipe.batch_norm:
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
    return keras.layers.Activation(recipe.activation)(x)


def _vgg(recipe: ImageRecipe, x: jax.Array) -> Any:
    """Simonyan and Zisserman 2015 (arXiv:1409.1556), small: `depth` stages of two convolutions."""
    import keras

    _refuse_stages_of_one_pixel(recipe.depth, *x.shape[1:3])

    for stage in range(recipe.depth):
        for _ in range(2):
            x = _activated(recipe, _convolution(recipe, recipe.width * 2**stage)(x))
        x = keras.layers.MaxPooling2D(padding="same")(x)
    return x


def _refuse_stages_of_one_pixel(depth: int, height: int, width: int) -> None:
    """A stage that begins at one pixel is the last: pooling leaves nothing for another."""
    halvings = (max(height, width) - 1).bit_length()
    if depth > halvings + 1:
        raise ParameterError(
            explain(
                "depth",
                f"at most {halvings + 1} for images of {height}x{width}: each stage halves them, "
                f"and {halvings} stages leave one pixel",
                depth,
                "Lower it, or set a larger image_size.",
            )
        )


def _resnet(recipe: ImageRecipe, x: jax.Array) -> Any:
    """He et al. 2016 (arXiv:1603.05027): three stages of `depth` pre-activation blocks."""
    import keras

    x = _convolution(recipe, recipe.width)(x)
    for stage in range(_STAGES):
        filters = recipe.width * 2**stage
        for block in range(recipe.depth):
            strides = 2 if stage and not block else 1
            activated = _activated(recipe, x)
            if strides > 1:
                x = _convolution(recipe, filters, 1, strides)(activated)
            y = _convolution(recipe, filters, 3, strides)(activated)
            y = _convolution(recipe, filters)(_activated(recipe, y))
            x = keras.layers.Add()([x, y])
    return _activated(recipe, x)


def _backbone(recipe: ImageRecipe) -> Any:
    """One of `keras.applications`, with random weights or those of a file."""
    import keras

    build = getattr(keras.applications, str(recipe.backbone), None)
    if not callable(build):
        known = [n for n in dir(keras.applications) if n[0].isupper()]
        requirement = f"one of keras.applications: {', '.join(known)}"
        raise ParameterError(explain("backbone", requirement, recipe.backbone))
    return build(include_top=False, weights=recipe.backbone_weights)

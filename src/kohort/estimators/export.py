"""A fitted estimator as a compiled Keras model on raw features."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from kohort.recipe.recipe import Recipe


def keras_model(estimator: Any) -> Any:
    """See `DenseEstimator.to_keras`."""
    recipe: Recipe = estimator.recipe_
    scaling, target = estimator._scaling, estimator._target
    regularizer = keras.regularizers.L2(recipe.l2) if recipe.l2 > 0 else None
    inputs = keras.Input((estimator.n_features_in_,), name="features")
    # Two layers, because Keras's Normalization takes deviations below 1e-7 for zero.
    x = keras.layers.Normalization(
        mean=scaling.mean, variance=np.ones_like(scaling.mean), name="center"
    )(inputs)
    x = keras.layers.Rescaling((1.0 / scaling.scale).tolist(), name="scale")(x)
    for layer, units in enumerate(recipe.units, start=1):
        x = keras.layers.Dense(
            units,
            activation=recipe.activation,
            kernel_initializer=recipe.kernel_initializer,
            kernel_regularizer=regularizer,
            name=f"hidden_{layer}",
        )(x)
        if recipe.dropout > 0:
            x = keras.layers.Dropout(recipe.dropout, name=f"dropout_{layer}")(x)
    x = keras.layers.Dense(
        estimator._outputs,
        activation=_OUTPUT_ACTIVATION.get(recipe.loss),
        kernel_initializer=recipe.kernel_initializer,
        kernel_regularizer=regularizer,
        name="output",
    )(x)
    if recipe.loss not in _OUTPUT_ACTIVATION:
        x = keras.layers.Rescaling(target.scale.tolist(), target.mean.tolist(), name="unscale")(x)
    model = keras.Model(inputs, x, name=type(estimator).__name__)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, kernel, bias in zip(
        dense, estimator.weights_[::2], estimator.weights_[1::2], strict=True
    ):
        layer.set_weights([kernel, bias])
    metrics = ["accuracy"] if recipe.loss in _OUTPUT_ACTIVATION else ["mae"]
    model.compile(keras_optimizer(recipe), recipe.loss, metrics=metrics)
    model.optimizer.build(model.trainable_variables)  # A saved model loads complete.
    return model


_OUTPUT_ACTIVATION = {
    "binary_crossentropy": "sigmoid",
    "sparse_categorical_crossentropy": "softmax",
}


def keras_optimizer(recipe: Recipe) -> Any:
    """The recipe's optimizer as Keras's own."""
    decay = recipe.weight_decay if recipe.weight_decay > 0 else None
    rate = recipe.learning_rate
    if recipe.optimizer in ("adam", "adamw"):
        kind = keras.optimizers.AdamW if recipe.optimizer == "adamw" else keras.optimizers.Adam
        return kind(rate, weight_decay=decay)
    return keras.optimizers.SGD(
        rate,
        momentum=0.0 if recipe.optimizer == "sgd" else recipe.momentum,
        nesterov=recipe.optimizer == "nesterov",
        weight_decay=decay,
    )

"""A fitted estimator as a compiled Keras model on raw features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kohort.arrays import Array, Estimator
from kohort.data.bins import Bins
from kohort.data.standardising import Standardisation
from kohort.deferred import keras
from kohort.engine.member import Floats
from kohort.estimators.preparation import warn_of_export
from kohort.recipe.losses import LINKS
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.recipe import Recipe
from kohort.runtime import floatx


def keras_model(estimator: Estimator) -> Any:
    """See `DenseEstimator.to_keras`."""
    from kohort.estimators.dense.keras_losses import keras_loss

    recipe: Recipe = estimator.recipe_
    scaling, target = estimator._scaling, estimator._target
    columns = slice(estimator.n_features_in_)
    own = Standardisation(*(part[columns] for part in (scaling.mean, scaling.scale, scaling.limit)))
    warn_of_export("X", own, stacklevel=3)
    warn_of_export("y", target, stacklevel=3)
    inputs = keras.Input((estimator.n_features_in_,), name="features")
    x = _standardised(_with_bins(inputs, scaling.bins), scaling)
    count = len(estimator.networks_)
    prefixes = [""] if count == 1 else [f"network_{i + 1}_" for i in range(count)]
    outputs = [_network(x, estimator, prefix) for prefix in prefixes]
    x = outputs[0] if count == 1 else keras.layers.Average(name="mean")(outputs)
    if LINKS[recipe.loss] not in ("sigmoid", "softmax"):
        x = keras.layers.Rescaling(target.scale.tolist(), target.mean.tolist(), name="unscale")(x)
    model = keras.Model(inputs, x, name=type(estimator).__name__)
    for prefix, outcome in zip(prefixes, estimator.networks_, strict=True):
        _set_weights(model, prefix, estimator._network.shape.names, outcome.weights)
    classifies = LINKS[recipe.loss] in ("sigmoid", "softmax")
    metrics = ["accuracy"] if classifies else ["mae"]
    model.compile(
        OPTIMIZERS[recipe.optimizer].to_keras(recipe), keras_loss(recipe), metrics=metrics
    )
    model.optimizer.build(model.trainable_variables)  # A saved model loads complete.
    return model


def _with_bins(x: Array, bins: Bins) -> Any:
    """Features in their own units, and the columns of their bins."""
    if not len(bins):
        return x
    way = keras.ops.take(x, bins.source.tolist(), axis=1)
    low = keras.layers.Normalization(mean=bins.low, variance=np.ones_like(bins.low), name="bin_low")
    with np.errstate(over="ignore"):
        steep = np.minimum(1.0 / (bins.high - bins.low), np.finfo(floatx()).max)
    width = keras.layers.Rescaling(steep.tolist(), name="bin_width")
    inside = keras.layers.ReLU(max_value=1.0, name="bins")(width(low(way)))
    return keras.layers.Concatenate(name="features_and_bins")([x, inside])


def _standardised(x: Array, scaling: Standardisation) -> Any:
    """Features in their own units as the network has them."""
    # Two layers, because Keras's Normalization takes deviations below 1e-7 for zero.
    x = keras.layers.Normalization(
        mean=scaling.mean, variance=np.ones_like(scaling.mean), name="center"
    )(x)
    x = keras.layers.Rescaling((1.0 / scaling.scale).tolist(), name="scale")(x)
    squashed = np.isfinite(scaling.limit)
    if not squashed.any():
        return x
    # z / sqrt(1 + (z / c)**2) is c * sin(arctan(z / c)), which has no square to overflow.
    parts = keras.layers.Rescaling((1.0 / scaling.limit).tolist(), name="clip_in")(x)
    parts = keras.ops.sin(keras.ops.arctan(parts))
    limits = np.where(squashed, scaling.limit, 0.0)
    parts = keras.layers.Rescaling(limits.tolist(), name="clip_out")(parts)
    if squashed.all():
        return parts
    kept = keras.layers.Rescaling((~squashed).astype(float).tolist(), name="unclipped")(x)
    return keras.layers.Add(name="features_scaled")([parts, kept])


def _network(x: Array, estimator: Estimator, prefix: str) -> Any:
    """One network from standardised features to its output, after its link."""
    recipe: Recipe = estimator.recipe_
    penalised = recipe.l1 > 0 or recipe.l2 > 0
    regularizer = keras.regularizers.L1L2(recipe.l1, recipe.l2) if penalised else None
    limit = recipe.max_norm
    constraint = keras.constraints.MaxNorm(limit) if math.isfinite(limit) else None
    if recipe.gaussian_noise > 0:
        x = keras.layers.GaussianNoise(recipe.gaussian_noise, name=f"{prefix}noise")(x)
    if recipe.input_dropout > 0:
        x = keras.layers.Dropout(recipe.input_dropout, name=f"{prefix}input_dropout")(x)
    for layer, units in enumerate(recipe.units, start=1):
        name = f"{prefix}hidden_{layer}"
        x = keras.layers.Dense(
            units,
            kernel_initializer=_initializer(recipe.kernel_initializer, recipe),
            kernel_regularizer=regularizer,
            kernel_constraint=constraint,
            name=name,
        )(x)
        x = _normalised(x, recipe, "before", name)
        x = _activated(x, recipe, name)
        x = _normalised(x, recipe, "after", name)
        if recipe.dropout > 0:
            x = keras.layers.Dropout(recipe.dropout, name=f"{prefix}dropout_{layer}")(x)
        if recipe.alpha_dropout > 0:
            x = keras.layers.AlphaDropout(recipe.alpha_dropout, name=f"{prefix}dropout_{layer}")(x)
    return keras.layers.Dense(
        estimator._outputs,
        activation=LINKS[recipe.loss],
        kernel_initializer=_initializer(recipe.output_initializer, recipe),
        kernel_regularizer=regularizer,
        name=f"{prefix}output",
    )(x)


def _initializer(name: str, recipe: Recipe) -> Any:
    if name in ("random_normal", "truncated_normal"):
        kinds = keras.initializers
        kind = kinds.RandomNormal if name == "random_normal" else kinds.TruncatedNormal
        return kind(stddev=recipe.kernel_scale)
    return name


def _normalised(x: Array, recipe: Recipe, place: str, name: str) -> Any:
    if recipe.batch_norm == place:
        momentum, epsilon = recipe.batch_norm_momentum, recipe.norm_epsilon
        return keras.layers.BatchNormalization(
            momentum=momentum, epsilon=epsilon, name=f"{name}_norm"
        )(x)
    if recipe.layer_norm == place:
        return keras.layers.LayerNormalization(epsilon=recipe.norm_epsilon, name=f"{name}_norm")(x)
    return x


def _activated(x: Array, recipe: Recipe, name: str) -> Any:
    """The activation, of Keras's own layers so that a saved model needs nothing else to load."""
    kind, alpha = recipe.activation, recipe.activation_alpha
    name = f"{name}_{kind}"
    if kind == "leaky_relu":
        return keras.layers.LeakyReLU(negative_slope=alpha, name=name)(x)
    if kind == "prelu":
        return keras.layers.PReLU(name=name)(x)
    if kind == "elu":
        return keras.layers.ELU(alpha=alpha, name=name)(x)
    if kind == "celu" or (kind == "softplus" and alpha != 1):
        inner = 1 / alpha if kind == "celu" else alpha
        x = keras.layers.Rescaling(inner, name=f"{name}_in")(x)
        x = keras.layers.Activation("elu" if kind == "celu" else kind, name=name)(x)
        return keras.layers.Rescaling(1 / inner, name=f"{name}_out")(x)
    if kind == "swish" and alpha != 1:
        gate = keras.layers.Rescaling(alpha, name=f"{name}_in")(x)
        gate = keras.layers.Activation("sigmoid", name=f"{name}_gate")(gate)
        return keras.layers.Multiply(name=name)([x, gate])
    if kind == "gelu_tanh":
        cube = keras.layers.Multiply(name=f"{name}_cube")([x, x, x])
        cube = keras.layers.Rescaling(0.044715, name=f"{name}_scale")(cube)
        gate = keras.layers.Add(name=f"{name}_add")([x, cube])
        gate = keras.layers.Rescaling(2 * math.sqrt(2 / math.pi), name=f"{name}_in")(gate)
        gate = keras.layers.Activation("sigmoid", name=f"{name}_gate")(gate)
        return keras.layers.Multiply(name=name)([x, gate])
    return keras.layers.Activation(kind, name=name)(x)


def _set_weights(model: Any, prefix: str, names: tuple[str, ...], weights: list[Floats]) -> None:
    """Hand each variable to the layer that has it."""
    parts = {"gamma": "norm", "beta": "norm", "moving_mean": "norm", "moving_variance": "norm"}
    by_layer: dict[str, list[Floats]] = {}
    for name, weight in zip(names, weights, strict=True):
        layer, kind = name.split("/")
        suffix = {**parts, "alpha": "prelu"}.get(kind)
        owner = f"{prefix}{layer}" + (f"_{suffix}" if suffix else "")
        by_layer.setdefault(owner, []).append(weight)
    for owner, values in by_layer.items():
        model.get_layer(owner).set_weights(values)

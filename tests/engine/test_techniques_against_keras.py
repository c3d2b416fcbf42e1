"""Keras as the oracle for techniques inside the training program, at masked widths and with partial
batches: the same initial weights and batches give Keras's weights and moving averages.
"""

import keras
import numpy as np
import pytest

from kohort.engine.executors.local import train

_LOSSES = {
    "mse": lambda r: keras.losses.MeanSquaredError(),
    "huber": lambda r: keras.losses.Huber(r.huber_delta),
    "binary_crossentropy": lambda r: keras.losses.BinaryCrossentropy(
        from_logits=True, label_smoothing=r.label_smoothing
    ),
}
_NORMS = {
    "batch_norm": lambda r: keras.layers.BatchNormalization(
        momentum=r.batch_norm_momentum, epsilon=r.norm_epsilon
    ),
    "layer_norm": lambda r: keras.layers.LayerNormalization(epsilon=r.norm_epsilon),
}
_ACTIVATIONS = {
    "leaky_relu": lambda r: keras.layers.LeakyReLU(negative_slope=r.activation_alpha),
    "elu": lambda r: keras.layers.ELU(alpha=r.activation_alpha),
    "prelu": lambda r: keras.layers.PReLU(),
}
_ADAM = {"learning_rate": 0.01}
_SGD = {"optimizer": "sgd", "learning_rate": 0.05}
_CASES = {
    "batch norm before": {"batch_norm": "before", **_ADAM},
    "batch norm after, sigmoid": {
        "batch_norm": "after", "activation": "sigmoid", "batch_norm_momentum": 0.7,
        "norm_epsilon": 1e-2, **_SGD,
    },
    "batch norm before, decay, prelu": {
        "batch_norm": "before", "activation": "prelu", "optimizer": "adamw", **_ADAM,
    },
    "layer norm before": {"layer_norm": "before", **_SGD},
    "layer norm after, softplus": {"layer_norm": "after", "activation": "softplus", **_ADAM},
    "prelu": {"activation": "prelu", **_SGD},
    "leaky relu": {"activation": "leaky_relu", "activation_alpha": 0.05, **_SGD},
    "elu": {"activation": "elu", "activation_alpha": 0.3, **_ADAM},
    "l1 and l2": {"l1": 0.01, "l2": 0.02, "output_initializer": "auto", **_SGD},
    "max-norm and averaging": {"max_norm": 0.8, "ema_momentum": 0.9, **_SGD},
    "averaging, momentum": {"ema_momentum": 0.8, "optimizer": "momentum", "learning_rate": 0.01},
    "clipnorm, decay": {"clipnorm": 0.1, "weight_decay": 0.1, **_SGD},
    "global_clipnorm, l2": {"global_clipnorm": 0.2, "l2": 0.02, **_ADAM},
    "clipvalue": {"clipvalue": 0.01, **_SGD},
    "huber": {"loss": "huber", "huber_delta": 0.4, **_SGD},
    "label smoothing": {"loss": "binary_crossentropy", "label_smoothing": 0.2, **_SGD},
    "exponential schedule": {"schedule": "exponential", "decay_epochs": 2.0, **_SGD},
    "cosine schedule, warm-up": {"schedule": "cosine", "warmup": 3, **_ADAM},
}  # fmt: skip


def _schedule(recipe, steps_per_epoch):
    rate = recipe.learning_rate
    if recipe.schedule == "exponential":
        steps = recipe.decay_epochs * steps_per_epoch
        return keras.optimizers.schedules.ExponentialDecay(rate, steps, recipe.decay_rate)
    if recipe.schedule == "cosine":
        warmup = recipe.warmup * steps_per_epoch
        decay = recipe.epochs * steps_per_epoch - warmup
        return keras.optimizers.schedules.CosineDecay(
            0.0, decay, warmup_target=rate, warmup_steps=warmup
        )
    return rate


def _optimizer(recipe, steps_per_epoch):
    kind = {"adam": "Adam", "adamw": "AdamW"}.get(recipe.optimizer, "SGD")
    options = {"momentum": recipe.momentum} if recipe.optimizer == "momentum" else {}
    for name in ("clipvalue", "clipnorm", "global_clipnorm"):
        if np.isfinite(getattr(recipe, name)):
            options[name] = getattr(recipe, name)
    if recipe.ema_momentum is not None:
        options |= {"use_ema": True, "ema_momentum": recipe.ema_momentum}
    rate = _schedule(recipe, steps_per_epoch)
    return getattr(keras.optimizers, kind)(
        rate, weight_decay=recipe.weight_decay or None, **options
    )


def _keras_model(member, steps_per_epoch):
    recipe, network = member.recipe, member.network
    limit = keras.constraints.MaxNorm(recipe.max_norm) if np.isfinite(recipe.max_norm) else None
    penalty = keras.regularizers.L1L2(recipe.l1, recipe.l2)
    layers = [keras.Input((network.features,))]
    for units in recipe.units:
        layers.append(
            keras.layers.Dense(units, kernel_regularizer=penalty, kernel_constraint=limit)
        )
        for place in ("before", "after"):
            for name, norm in _NORMS.items():
                if getattr(recipe, name) == place:
                    layers.append(norm(recipe))
            if place == "before":
                other = lambda r: keras.layers.Activation(r.activation)  # noqa: E731
                layers.append(_ACTIVATIONS.get(recipe.activation, other)(recipe))
    layers.append(keras.layers.Dense(network.outputs, kernel_regularizer=penalty))
    model = keras.Sequential(layers)
    model.compile(_optimizer(recipe, steps_per_epoch), _LOSSES[recipe.loss](recipe))
    trainable = network.trainable
    for part, values in (
        (_in_our_order(model, network), member.initial_variables()[:trainable]),
        (model.non_trainable_variables, member.initial_variables()[trainable:]),
    ):
        for variable, value in zip(part, values, strict=True):
            variable.assign(value)
    return model


def _in_our_order(model, network):
    """Keras lists PReLU's slopes before a normalisation that follows it; kohort never does."""
    network = network.shape
    if not (network.activation == "prelu" and "after" in (network.batch_norm, network.layer_norm)):
        return model.trainable_variables
    raise NotImplementedError


def _weights_of_keras(member):
    rows, size = member.rows, member.recipe.batch_size
    model = _keras_model(member, -(-len(rows.x) // size))
    for epoch in range(member.recipe.epochs):
        order = member.order.epoch(epoch)
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            model.train_on_batch(rows.x[batch], rows.y[batch])
    if member.recipe.ema_momentum is not None:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    return [np.asarray(variable.value) for variable in variables]


@pytest.fixture(scope="module")
def oracle_member(member, table):
    """A member with layers of 11 and 5 units in 16, 36 rows in batches of 8: a partial batch."""

    def make(dtype, seed=7, **fields):
        fields = {"depth": 2, "width": [11, 5], "epochs": 10, "weight_decay": 0.0, **fields}
        if fields.get("optimizer") == "adamw":
            fields["weight_decay"] = 0.05
        return member(rows=table(36, fields.get("loss", "mse"), dtype=dtype), seed=seed, **fields)

    return make


# Keras normalises, and computes its cosine, in single precision at any floatx (off by 1e-7 and
# 1e-9). Adam would turn the rounding noise of a bias in front of a batch norm into steps.
_SINGLE = [name for name in _CASES if "norm before" in name or "norm after" in name]
_DOUBLE = [name for name in _CASES if name not in _SINGLE and "cosine" not in name]


@pytest.mark.parametrize("case", _DOUBLE)
def test_fifty_steps_give_kerass_weights_in_double_precision(
    case, oracle_member, distance, double_precision
):
    with double_precision():
        one = oracle_member(np.float64, **_CASES[case])
        (outcome,) = train([one], threads=1)
        assert distance(outcome.weights, _weights_of_keras(one)) <= 1e-10


@pytest.mark.parametrize("case", [*_SINGLE, "max-norm and averaging", "cosine schedule, warm-up"])
def test_fifty_steps_give_kerass_weights(case, oracle_member):
    fields = {**_CASES[case], **(_SGD if case in _SINGLE else {})}
    one = oracle_member(np.float32, **fields)
    neighbour = oracle_member(np.float32, **{**fields, "seed": 8, "learning_rate": 0.02})
    outcome = train([one, neighbour], threads=1)[0]
    for actual, expected in zip(outcome.weights, _weights_of_keras(one), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)

"""Keras as the oracle: the same initial weights and batches give Keras's weights and logs."""

import jax
import keras
import numpy as np
import pytest

from kohort.engine.executors.local import train

pytestmark = pytest.mark.optimised

_LOSSES = {
    "mse": lambda: keras.losses.MeanSquaredError(),
    "mae": lambda: keras.losses.MeanAbsoluteError(),
    "log_cosh": lambda: keras.losses.LogCosh(),
    "binary_crossentropy": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
    "sparse_categorical_crossentropy": lambda: keras.losses.SparseCategoricalCrossentropy(
        from_logits=True
    ),
}
_ACCURACY = {
    "binary_crossentropy": lambda: keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0),
    "sparse_categorical_crossentropy": lambda: keras.metrics.SparseCategoricalAccuracy(
        name="accuracy"
    ),
}
_KERAS_OPTIMIZERS = {
    "sgd": lambda r: keras.optimizers.SGD(r.learning_rate, weight_decay=r.weight_decay or None),
    "momentum": lambda r: keras.optimizers.SGD(
        r.learning_rate, momentum=r.momentum, weight_decay=r.weight_decay or None
    ),
    "nesterov": lambda r: keras.optimizers.SGD(
        r.learning_rate, momentum=r.momentum, nesterov=True, weight_decay=r.weight_decay or None
    ),
    "adam": lambda r: keras.optimizers.Adam(r.learning_rate, weight_decay=r.weight_decay or None),
    "adamw": lambda r: keras.optimizers.AdamW(r.learning_rate, weight_decay=r.weight_decay),
}

# Every optimizer with and without decay, every loss, L2, sample weights, depths 0 to 3. With 36
# rows each epoch ends in a partial batch; 40 rows spare Keras a second compilation. Keras's mean
# takes a detour through float32 even in double precision, which rounds a row's share of the loss:
# batches of powers of two, and weights that are multiples of 1/64, pass through it exactly.
_CASES = {
    "sgd": {"optimizer": "sgd", "learning_rate": 0.05, "rows": 40},
    "sgd, decay, weighted": {
        "optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 0.1, "weighted": True,
    },
    "momentum, mae": {"optimizer": "momentum", "learning_rate": 0.01, "loss": "mae", "rows": 40},
    "momentum, decay, l2": {
        "optimizer": "momentum", "learning_rate": 0.01, "weight_decay": 0.05, "l2": 0.01,
        "rows": 40,
    },
    "nesterov, log_cosh": {
        "optimizer": "nesterov", "learning_rate": 0.02, "momentum": 0.8, "loss": "log_cosh",
        "rows": 40,
    },
    "nesterov, decay, no hidden layer": {
        "optimizer": "nesterov", "learning_rate": 0.02, "weight_decay": 0.05, "depth": 0,
        "rows": 40,
    },
    "adam, l2, weighted": {
        "optimizer": "adam", "learning_rate": 0.01, "l2": 0.02, "weighted": True,
    },
    "adam, decay, binary": {
        "optimizer": "adam", "learning_rate": 0.01, "weight_decay": 0.1,
        "loss": "binary_crossentropy",
    },
    "adamw, classes, weighted": {
        "optimizer": "adamw", "learning_rate": 0.01, "weighted": True,
        "loss": "sparse_categorical_crossentropy",
    },
    "adamw, width 37 in 64": {"optimizer": "adamw", "learning_rate": 0.003, "width": 37},
    "adam, widths 37, 5, 20": {
        "learning_rate": 0.003, "depth": 3, "width": [37, 5, 20], "rows": 40,
    },
    "adam, a partial chunk after a whole one": {
        "learning_rate": 0.003, "rows": 131, "batch_size": 2, "epochs": 1, "weighted": True,
    },
}  # fmt: skip
_SINGLE_PRECISION = {
    "adam, partial batch of 5": {**_CASES["adam, l2, weighted"], "rows": 37},
    "adamw, classes, weighted": _CASES["adamw, classes, weighted"],
    "momentum, width 37 in 64": {**_CASES["momentum, decay, l2"], "rows": 37, "width": 37},
}


def _keras_model(member, **compiled):
    recipe = member.recipe
    layers = [keras.Input((member.network.features,))]
    for units in (*recipe.units, member.network.outputs):
        activation = recipe.activation if len(layers) <= len(recipe.units) else None
        regularizer = keras.regularizers.L2(recipe.l2) if recipe.l2 else None
        layers.append(keras.layers.Dense(units, activation, kernel_regularizer=regularizer))
    model = keras.Sequential(layers)
    optimizer = _KERAS_OPTIMIZERS[recipe.optimizer](recipe)
    model.compile(optimizer, _LOSSES[recipe.loss](), **compiled)
    model.set_weights(member.initial_variables())
    return model


def _steps_of_keras(member):
    """Weights after Keras has seen the member's batches, one `train_on_batch` each."""
    model, rows, size = _keras_model(member), member.rows, member.recipe.batch_size
    for epoch in range(member.recipe.epochs):
        order = member.order.epoch(epoch)
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            weight = None if rows.weight is None else rows.weight[batch]
            model.train_on_batch(rows.x[batch], rows.y[batch], sample_weight=weight)
    return [np.asarray(variable.value) for variable in model.trainable_variables]


@pytest.fixture(scope="module")
def oracle_member(member, table):
    """A member of two layers of 11 units that takes 50 steps, unless told otherwise."""

    def make(dtype, seed=7, rows=36, weighted=False, **fields):
        fields = {"depth": 2, "width": 11, "epochs": 10, "weight_decay": 0.0, **fields}
        if fields.get("optimizer") == "adamw":
            fields["weight_decay"] = None
        data = table(rows, fields.get("loss", "mse"), weighted, dtype, seed=3)
        return member(rows=data, seed=seed, **fields)

    return make


@pytest.mark.parametrize("case", _SINGLE_PRECISION)
def test_fifty_steps_give_kerass_weights(case, oracle_member, distance):
    fields = _SINGLE_PRECISION[case]
    one = oracle_member(np.float32, **fields)
    neighbour = oracle_member(np.float32, **{**fields, "seed": 8, "learning_rate": 0.02})
    assert distance(train([one, neighbour], threads=1)[0].weights, _steps_of_keras(one)) <= 1e-5


@pytest.mark.parametrize("case", _CASES)
def test_fifty_steps_give_kerass_weights_in_double_precision(
    case, oracle_member, distance, double_precision
):
    with double_precision():
        one = oracle_member(np.float64, **_CASES[case])
        (outcome,) = train([one], threads=1)
        assert outcome.weights[0].dtype == np.float64
        assert distance(outcome.weights, _steps_of_keras(one)) <= 1e-10


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": "mse", "l2": 0.01, "learning_rate": 0.01},
        {"loss": "binary_crossentropy", "learning_rate": 0.02, "l2": 0.001, "weighted": True},
        {"loss": "sparse_categorical_crossentropy", "learning_rate": 0.02},
    ],
    ids=lambda fields: fields["loss"],
)
def test_logs_equal_those_of_kerass_fit(fields, table, member):
    fields = dict(fields)
    loss, weighted = fields["loss"], fields.pop("weighted", False)
    rows, validation = (table(count, loss, weighted, seed=count) for count in (37, 300))
    one = member(rows=rows, validation=validation, epochs=3, depth=2, **fields)
    metric = _ACCURACY.get(loss)
    model = _keras_model(one, metrics=[metric()] if metric else None)
    expected = {}
    for epoch in range(one.recipe.epochs):
        order = one.order.epoch(epoch)
        history = model.fit(
            rows.x[order],
            rows.y[order],
            sample_weight=rows.weight[order] if weighted else None,
            validation_data=(validation.x, validation.y)
            + ((validation.weight,) if weighted else ()),
            batch_size=one.recipe.batch_size,
            shuffle=False,
            verbose=0,
        ).history
        for name, (value,) in history.items():
            expected.setdefault(name, []).append(value)
    expected.pop("accuracy", None)
    history = train([one], threads=1)[0].history
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("activation", ["exponential", "softplus", "sigmoid"])
def test_masked_units_never_leak_whatever_the_activation(
    activation, oracle_member, distance, double_precision
):
    """Activations that are not zero at zero are where a leaking mask would show."""
    fields = {"width": [37, 5], "activation": activation, "rows": 40}
    with double_precision():
        one = oracle_member(np.float64, learning_rate=1e-3, **fields)
        assert distance(train([one], threads=1)[0].weights, _steps_of_keras(one)) <= 1e-10


def test_double_precision_leaves_no_trace(double_precision):
    with double_precision():
        assert keras.config.floatx() == "float64"
        assert jax.numpy.zeros(1).dtype == np.float64
    assert keras.config.floatx() == "float32"
    assert jax.numpy.zeros(1).dtype == np.float32

"""Models and tables shared by the tests of Keras estimators."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

import kohort

L = keras.layers


def chain(width=20, depth=2, rate=0.01, optimizer=None):
    hidden = [L.Dense(width, "relu", kernel_initializer="he_normal") for _ in range(depth)]
    model = keras.Sequential([keras.Input((5,)), *hidden, L.Dense(1)])
    model.compile(optimizer or keras.optimizers.SGD(rate, momentum=0.9), "mse")
    return model


def wide_and_deep(rate=0.01):
    inputs = keras.Input((5,))
    x = L.Dense(12, "relu", kernel_regularizer=keras.regularizers.L2(0.01))(inputs)
    x = L.Concatenate()([inputs, L.Dense(7, "selu")(x)])
    model = keras.Model(inputs, L.Dense(1)(x))
    model.compile(keras.optimizers.Adam(rate), "huber", metrics=["mae"])
    return model


def normalised():
    layers = [L.Dense(9, use_bias=False), L.BatchNormalization(momentum=0.9), L.Activation("elu")]
    model = keras.Sequential([keras.Input((5,)), *layers, L.Dense(1)])
    model.compile(keras.optimizers.Nadam(0.01, clipnorm=0.5), "mse", metrics=["mae"])
    return model


class Residual(keras.layers.Layer):
    """A layer of a user's own."""

    def __init__(self, factor=0.3, **options):
        super().__init__(**options)
        self.factor = factor
        self.inner = L.Dense(5, "tanh")

    def call(self, x):
        return x + self.factor * self.inner(x)


class Subclassed(keras.Model):
    """A model of a user's own."""

    def __init__(self, factor=0.3):
        super().__init__()
        self.block = Residual(factor)
        self.norm = L.BatchNormalization()
        self.out = L.Dense(1)

    def call(self, x, training=False):
        return self.out(self.norm(self.block(x), training=training))


def subclassed(factor=0.3):
    model = Subclassed(factor)
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.05), "mse")
    return model


def constrained():
    hidden = L.Dense(
        11, "gelu", kernel_constraint=keras.constraints.MaxNorm(0.8),
        kernel_regularizer=keras.regularizers.L1L2(1e-3, 1e-3),
    )  # fmt: skip
    model = keras.Sequential([keras.Input((5,)), hidden, L.Dense(1)])
    schedule = keras.optimizers.schedules.ExponentialDecay(0.02, 10, 0.7)
    model.compile(keras.optimizers.RMSprop(schedule, centered=True), "log_cosh")
    return model


def averaged():
    return chain(optimizer=keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9))


def net(*layers, loss="mse", optimizer="adam", out=1, activation=None, **options):
    model = keras.Sequential([keras.Input((5,)), *layers, L.Dense(out, activation)])
    model.compile(optimizer, loss, **options)
    return model


def two_heads(as_dict=False):
    inputs = keras.Input((5,))
    hidden = L.Dense(8, "relu")(inputs)
    heads = [L.Dense(1, name="p")(hidden), L.Dense(1, name="q")(hidden)]
    model = keras.Model(inputs, dict(zip("pq", heads, strict=True)) if as_dict else heads)
    model.compile("adam", "mse")
    return model


def compare(build, X, y, target=None, loop=False, **options):
    """Fit with kohort and with Keras, from the same weights on the same batches."""
    estimator = kohort.KerasRegressor(build, epochs=4, shuffle=False, random_state=0)
    other = clone(estimator).initialize(X, y).model_
    target = y.reshape(len(y), -1) if target is None else target
    theirs = other.fit(X, target, epochs=4, batch_size=32, shuffle=False, verbose=0, **options)
    if loop:
        with pytest.warns(kohort.KerasLoopWarning, match=loop):
            estimator.fit(X, y, **options)
    else:
        estimator.fit(X, y, **options)
    for mine, their in zip(estimator.model_.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, their, rtol=1e-4, atol=2e-6)
    assert set(estimator.history_) == set(theirs.history)
    for name, values in theirs.history.items():
        np.testing.assert_allclose(estimator.history_[name], values, rtol=1e-4, atol=1e-6)
    return estimator


MODELS = {
    "chain": chain,
    "wide and deep": wide_and_deep,
    "batch norm": normalised,
    "subclassed": subclassed,
    "constraints and schedule": constrained,
    "moving average": averaged,
}


@pytest.fixture(scope="session")
def models():
    return MODELS


@pytest.fixture(scope="session")
def rows():
    """Features, a target, weights: 150 rows, which batches of 32 do not divide."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(150, 5)).astype(np.float32)
    y = np.tanh(X[:, 0]) + 0.3 * X[:, 1] ** 2
    return X, y, generator.uniform(0.5, 1.5, 150)

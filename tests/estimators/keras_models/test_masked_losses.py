"""Oracle: Keras's own `fit` of models whose masks, or ignored classes, thin losses out."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

import kohort

L = keras.layers
TRAINED, ROWS, STEPS, PAD = 20, 47, 5, -1.0
FIT = {
    "batch_size": 8,
    "epochs": 3,
    "shuffle": False,
}  # 8 + 8 + 4; 27 to validate on: 8 + 8 + 8 + 3


@pytest.fixture(scope="module")
def sequences():
    """Sequences of 1 to 5 steps, the shortest last; what lies behind their ends is padding."""
    generator = np.random.default_rng(1)
    lengths = np.sort(generator.integers(1, STEPS + 1, ROWS))[::-1]
    lengths[TRAINED:] = generator.permutation(lengths[TRAINED:])
    X = generator.uniform(0.1, 1, (ROWS, STEPS, 2)).astype("float32")
    X[np.arange(STEPS) >= lengths[:, None]] = PAD
    y = np.where(X[..., 0] == PAD, 0, X[..., 0] - X[..., 1]).astype("float32")
    return X, y, generator.uniform(0.5, 1.5, ROWS)


def masked(reduction="sum_over_batch_size"):
    model = keras.Sequential([
        keras.Input((STEPS, 2)), L.Masking(PAD), L.SimpleRNN(3, return_sequences=True), L.Dense(1),
    ])  # fmt: skip
    loss = keras.losses.MeanSquaredError(reduction=reduction)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["mae"], weighted_metrics=["mse"])
    return model


def two_heads():
    """A masked sequence beside a number, each with a loss of its own."""
    inputs = keras.Input((STEPS, 2))
    hidden = L.SimpleRNN(3, return_sequences=True)(L.Masking(PAD)(inputs))
    sequence = L.Dense(1, name="sequence")(hidden)
    number = L.Dense(1, name="number")(L.SimpleRNN(2)(hidden))
    model = keras.Model(inputs, [sequence, number])
    model.compile(keras.optimizers.SGD(0.1), ["mse", "mae"], loss_weights=[1.0, 0.5])
    return model


@pytest.mark.parametrize("build", [masked, lambda: masked("mean_with_sample_weight")])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_mask_counts_no_row_that_fills_a_batch_up(build, weighted, sequences):
    X, y, weight = sequences
    weight = weight / weight[:TRAINED].mean()
    mine, theirs = ({}, {})
    if weighted:
        mine = {"sample_weight": weight[:TRAINED]}
        theirs = {"sample_weight": weight[:TRAINED, None]}
    held_out = X[TRAINED:], y[TRAINED:]
    model = kohort.KerasRegressor(build, random_state=0, **FIT)
    plain = clone(model).initialize(X, y).model_
    model.fit(X[:TRAINED], y[:TRAINED], validation_data=held_out, **mine)
    there = plain.fit(
        X[:TRAINED], y[:TRAINED, :, None], verbose=0, **FIT, **theirs,
        validation_data=(held_out[0], held_out[1][..., None]),
    )  # fmt: skip
    _are_equal(model, plain, there)


def test_each_head_has_a_mask_of_its_own(sequences):
    X, y, _ = sequences
    both = np.column_stack([y, y.sum(axis=1)])
    model = kohort.KerasRegressor(two_heads, random_state=0, **FIT)
    plain = clone(model).initialize(X, both).model_
    model.fit(X[:TRAINED], both[:TRAINED], validation_data=(X[TRAINED:], both[TRAINED:]))
    parts = [y[..., None], both[:, -1:]]
    there = plain.fit(
        X[:TRAINED], [part[:TRAINED] for part in parts], verbose=0, **FIT,
        validation_data=(X[TRAINED:], [part[TRAINED:] for part in parts]),
    )  # fmt: skip
    _are_equal(model, plain, there)


def test_a_class_that_the_loss_ignores(sequences):
    X = sequences[0].reshape(ROWS, -1)
    y = np.arange(ROWS) % 3
    y[TRAINED - 2 : TRAINED] = 2

    def build():
        model = keras.Sequential([keras.Input((X.shape[1],)), L.Dense(3, "softmax")])
        loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=2)
        model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
        return model

    model = kohort.KerasClassifier(build, random_state=0, **FIT)
    plain = clone(model).initialize(X, y).model_
    model.fit(X[:TRAINED], y[:TRAINED], validation_data=(X[TRAINED:], y[TRAINED:]))
    held_out = X[TRAINED:], y[TRAINED:]
    there = plain.fit(X[:TRAINED], y[:TRAINED], verbose=0, validation_data=held_out, **FIT)
    _are_equal(model, plain, there)


def _are_equal(model, plain, there):
    assert set(model.history_) == set(there.history)
    for name, values in there.history.items():
        np.testing.assert_allclose(model.history_[name], values, rtol=2e-5, err_msg=name)
    for ours, other in zip(model.model_.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-5)

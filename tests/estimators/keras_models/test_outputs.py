"""Classes and probabilities from outputs that are probabilities, logits or scores."""

from functools import partial

import keras
import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone

import kohort
from kohort.estimators.keras_models.outputs import class_output

L, losses = keras.layers, keras.losses


class MyHinge(losses.SquaredHinge):
    pass


class MyLogits(losses.Loss):
    def call(self, y_true, y_pred):
        return losses.binary_crossentropy(y_true, y_pred, from_logits=True)


def my_entropy(y_true, y_pred):
    return -keras.ops.mean(y_true * keras.ops.log(y_pred), axis=-1)


def my_distance(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def my_softplus(y_true, y_pred):
    return keras.ops.mean(keras.ops.softplus((1 - 2 * y_true) * y_pred), axis=-1)


KINDS = {
    "score": ["hinge", losses.Hinge(), losses.squared_hinge, "categorical_hinge", MyHinge(),
              my_softplus, MyLogits()],
    "logit": [losses.BinaryCrossentropy(from_logits=True),
              partial(losses.binary_crossentropy, from_logits=True),
              losses.SparseCategoricalCrossentropy(from_logits=True)],
    "probability": ["binary_crossentropy", losses.BinaryFocalCrossentropy(), "mse", "huber",
                    "kl_divergence", my_entropy, my_distance],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_loss_says_of_its_output(kind):
    for loss in KINDS[kind]:
        assert class_output(loss).kind == kind, loss


def test_classes_are_where_the_two_losses_meet():
    values = np.array([[-2.0], [0.3], [0.7], [3.0]])
    for kind, codes in {"score": [0, 1, 1, 1], "probability": [0, 0, 1, 1]}.items():
        for loss in KINDS[kind]:
            np.testing.assert_array_equal(class_output(loss).classes(values), codes)


def test_probabilities_of_logits():
    logits = np.array([[-2.0, 1.0, 0.0]])
    binary, sparse = KINDS["logit"][0], KINDS["logit"][2]
    np.testing.assert_allclose(class_output(binary).probabilities(logits, True), expit(logits))
    np.testing.assert_allclose(class_output(sparse).probabilities(logits), softmax(logits, axis=1))
    alone = class_output(binary).probabilities(logits[:, :1])
    np.testing.assert_allclose(alone, [[1 - expit(-2.0), expit(-2.0)]])


@pytest.fixture(scope="module")
def three():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(90, 2)).astype("float32")
    return X, np.array(["low", "mid", "top"])[np.digitize(X[:, 0], [-0.4, 0.4])]


def test_hinge_takes_the_sign_and_offers_no_probabilities(three):
    X, y = three
    X, y = X[y != "mid"], y[y != "mid"]

    def build():
        model = keras.Sequential([keras.Input((2,)), L.Dense(1, "tanh")])
        model.compile(keras.optimizers.Adam(0.1), "hinge")
        return model

    model = kohort.KerasClassifier(build, epochs=10, random_state=0)
    assert hasattr(model, "predict_proba")
    model.fit(X, y)
    raw = model.model_.predict(X, verbose=0)[:, 0]
    np.testing.assert_array_equal(model.predict(X), np.where(raw > 0, "top", "low"))
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize("loss", ["mse", "squared_hinge", "categorical_hinge"])
def test_a_unit_for_each_class_is_compared_with_its_own_target(loss, three):
    """Keras is the oracle, on one-hot targets."""
    X, y = three

    def build():
        model = keras.Sequential([keras.Input((2,)), L.Dense(3)])
        model.compile(keras.optimizers.Adam(0.1), loss)
        return model

    model = kohort.KerasClassifier(build, epochs=2, shuffle=False, random_state=0)
    plain = model.initialize(X, y).model_
    model = kohort.KerasClassifier(build, epochs=2, shuffle=False, random_state=0).fit(X, y)
    hot = np.eye(3)[np.searchsorted(model.classes_, y)]
    there = plain.fit(X, hot, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.history_["loss"], there.history["loss"], rtol=1e-5)
    raw = plain.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X), model.classes_[raw.argmax(axis=1)])
    if loss == "mse":
        with pytest.raises(kohort.ModelError, match=r"predict_proba needs outputs in \[0, 1\]"):
            model.predict_proba(X)


def two_heads(loss="binary_crossentropy"):
    inputs = keras.Input((2,))
    heads = [L.Dense(1, "sigmoid", name=name)(inputs) for name in ("one", "two")]
    model = keras.Model(inputs, heads)
    model.compile(keras.optimizers.Adam(0.1), [loss, loss])
    return model


_BOTH = {
    "0 and 1": lambda first, second: np.column_stack([first, second]).astype(int),
    "truth values": lambda first, second: np.column_stack([first, second]),
    "signs": lambda first, second: 2 * np.column_stack([first, second]).astype(int) - 1,
    "words": lambda first, second: np.where(np.column_stack([first, second]), "yes", "no"),
    "one of two in each row": lambda first, _: np.column_stack([first, ~first]).astype(int),
}


@pytest.mark.parametrize("form", _BOTH)
def test_columns_of_two_labels_go_to_the_heads_in_order(form, three):
    """To scikit-learn such columns are several labels of one output."""
    X, _ = three
    y = _BOTH[form](X[:, 0] > 0, X[:, 1] > 0)
    model = kohort.KerasClassifier(two_heads, epochs=15, random_state=0).fit(X, y)
    predicted = model.predict(X)
    assert predicted.shape == y.shape
    share = (predicted == y).all(axis=1).mean()
    assert share > 0.85
    assert model.score(X, y) == share
    weight = np.arange(90) < 9
    assert model.score(X, y, weight) == (predicted == y).all(axis=1)[:9].mean()
    assert [part.shape for part in model.predict_proba(X)] == [(90, 2), (90, 2)]


def test_labels_of_one_output_may_be_signs(three):
    X, _ = three

    def build():
        model = keras.Sequential([keras.Input((2,)), L.Dense(2, "sigmoid")])
        model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
        return model

    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    model = kohort.KerasClassifier(build, epochs=5, random_state=0)
    plain, signs = (clone(model).fit(X, target) for target in (y, 2 * y - 1))
    np.testing.assert_array_equal(signs.predict(X), 2 * plain.predict(X) - 1)
    np.testing.assert_array_equal(signs.predict_proba(X), plain.predict_proba(X))
    with pytest.raises(kohort.DataError, match=r"labels that were not there .*\[0\]"):
        signs.partial_fit(X, y)


def test_rows_that_are_no_longer_one_hot_are_refused(three):
    X, y = three

    def build():
        model = keras.Sequential([keras.Input((2,)), L.Dense(3, "softmax")])
        model.compile("adam", "categorical_crossentropy")
        return model

    hot = (y[:, None] == np.unique(y)).astype(int)
    model = kohort.KerasClassifier(build, random_state=0).partial_fit(X, hot)
    hot[4] = [1, 0, 1]
    with pytest.raises(kohort.DataError, match=r"a single 1 .* got \[1, 0, 1\] in row 5"):
        model.partial_fit(X, hot)


def test_a_hinge_of_ones_own_is_given_signs_as_they_are(three):
    X, _ = three
    y = np.where(X[:, 0] > 0.5, 1, -1)

    def own(target, score):
        return keras.ops.mean(keras.ops.relu(1 - target * score), axis=-1)

    def build(loss):
        model = keras.Sequential([keras.Input((2,)), L.Dense(1)])
        model.compile(keras.optimizers.Adam(0.1), loss)
        return model

    ours, kerass = (
        kohort.KerasClassifier(build, loss=loss, epochs=10, random_state=0).fit(X, y)
        for loss in (own, "hinge")
    )
    np.testing.assert_allclose(ours.history_["loss"], kerass.history_["loss"], rtol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), kerass.predict(X))
    assert not hasattr(ours, "predict_proba")

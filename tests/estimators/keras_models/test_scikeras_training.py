"""Epochs, histories and callbacks, as those who come from SciKeras expect; decisions of classes."""

import keras
import numpy as np
import pytest

import kohort

L = keras.layers
X = np.random.default_rng(0).normal(size=(24, 3))
y = np.arange(24) % 3


def build(n_features_in_, units=3, activation="softmax"):
    return keras.Sequential([keras.Input((n_features_in_,)), L.Dense(units, activation)])


def test_the_epoch_counts_from_the_last_fit():
    model = kohort.KerasClassifier(build, epochs=2, warm_start=True, random_state=0)
    assert (model.current_epoch, model.initialized_) == (0, False)
    assert model.fit(X, y).current_epoch == 2
    model.fit(X, y)
    assert (model.current_epoch, model.n_epochs_) == (2, 4)
    assert len(model.history_["loss"]) == 4
    model.partial_fit(X, y)
    assert (model.current_epoch, model.n_epochs_) == (3, 5)
    assert (len(model.history_["loss"]), model.initialized_) == (5, True)


@pytest.mark.parametrize("name", ["epochs", "initial_epoch"])
def test_partial_fit_counts_epochs_itself(name):
    with pytest.raises(TypeError, match=name):
        kohort.KerasClassifier(build).partial_fit(X, y, **{name: 1})


def test_declared_classes_are_the_classes_that_a_build_function_hears_of():
    heard = {}

    def hearing(meta):
        heard.update(meta)
        return build(3, units=meta["n_classes_"])

    model = kohort.KerasClassifier(hearing).partial_fit(X, y % 2, classes=[2, 0, 1])
    assert (heard["target_type_"], heard["n_classes_"]) == ("multiclass", 3)
    assert model.partial_fit(X, y).predict(X).shape == (24,)


def test_x_keeps_its_form():
    model = kohort.KerasClassifier(build).fit(X, y)
    for other in (X[:, None], X[:, :, None]):
        for use in (model.predict, lambda rows: model.partial_fit(rows, y)):
            with pytest.raises(ValueError, match=r"must have rows of shape|features"):
                use(other)


class Hearing(keras.callbacks.Callback):
    def __init__(self, name, heard, **options):
        super().__init__()
        self.name, self.heard = name, heard

    def on_train_begin(self, logs=None):
        self.heard.append(f"{self.name} fit")

    def on_predict_begin(self, logs=None):
        self.heard.append(f"{self.name} predict")


def test_callbacks_hear_of_what_they_are_given_for():
    heard = []
    model = kohort.KerasClassifier(
        build,
        callbacks=Hearing("both", heard),
        fit__callbacks=[[Hearing("fit", heard)]],
        predict__callbacks={"p": Hearing},
        predict__callbacks__p__0="predict",
        predict__callbacks__p__heard=heard,
        random_state=0,
    ).fit(X, y)
    assert sorted(heard) == ["both fit", "fit fit"]
    heard.clear()
    quiet = kohort.KerasClassifier(build, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), quiet.predict_proba(X), rtol=1e-5)
    assert sorted(heard) == ["both predict", "predict predict"]


def test_options_reach_callbacks_in_dicts_by_position():
    heard = []
    kohort.KerasClassifier(
        build, callbacks={"h": Hearing}, callbacks__h__0="dict", callbacks__h__1=heard
    ).fit(X, y)
    assert heard == ["dict fit"]


@pytest.mark.parametrize(
    ("units", "activation", "loss"),
    [
        (3, "softmax", "sparse_categorical_crossentropy"),
        (3, None, keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        (2, "softmax", "categorical_crossentropy"),
        (1, "sigmoid", "binary_crossentropy"),
        (1, None, keras.losses.BinaryCrossentropy(from_logits=True)),
        (1, "tanh", "hinge"),
    ],
)
def test_decisions_agree_with_predictions(units, activation, loss):
    labels = np.array(["a", "b", "c"])[y if units == 3 else y % 2]
    model = kohort.KerasClassifier(build, units=units, activation=activation, loss=loss)
    model = model.initialize(X, labels)
    decisions = model.decision_function(X)
    if units == 3:
        raw = model.model_.predict(X, verbose=0)  # Sums of terms of about 1, which may cancel.
        np.testing.assert_allclose(decisions, raw, rtol=1e-5, atol=1e-6)
        codes = np.argmax(decisions, axis=1)
    else:
        assert decisions.shape == (24,)
        codes = (decisions > 0).astype(int)
    np.testing.assert_array_equal(model.classes_[codes], model.predict(X))

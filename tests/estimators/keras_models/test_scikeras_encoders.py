"""Encoders and scores of subclasses, as SciKeras has them; data that build functions ask for."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import kohort

L = keras.layers
X = np.random.default_rng(0).normal(size=(24, 3))


def linear(n_features_in_, n_outputs_=1, rate=0.1):
    model = keras.Sequential([keras.Input((n_features_in_,)), L.Dense(n_outputs_)])
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model


class Logarithmic(kohort.KerasRegressor):
    @property
    def target_encoder(self):
        return FunctionTransformer(np.log, np.exp)


def test_a_target_is_encoded_for_training_and_decoded_for_predictions():
    y = np.exp(X[:, 0] + 3)
    fitted = Logarithmic(linear, epochs=1, random_state=0).fit(X, y)
    plain = kohort.KerasRegressor(linear, epochs=1, random_state=0).fit(X, np.log(y))
    expected = np.exp(plain.predict(X))
    np.testing.assert_allclose(fitted.predict(X), expected, rtol=1e-5)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(fitted)).predict(X), expected, rtol=1e-5)
    np.testing.assert_allclose(
        fitted.partial_fit(X, y).history_["loss"][:1], plain.history_["loss"]
    )
    assert fitted.target_encoder_ is not None


class Shared(kohort.KerasRegressor):
    feature_encoder = StandardScaler()


def test_features_are_encoded_in_fit_and_in_predict():
    far, y = 100 + 50 * X, X[:, 1]
    fitted = Shared(linear, epochs=1, random_state=0).fit(far, y)
    scaled = StandardScaler().fit_transform(far)
    plain = kohort.KerasRegressor(linear, epochs=1, random_state=0).fit(scaled, y)
    np.testing.assert_allclose(fitted.predict(far), plain.predict(scaled), rtol=1e-4, atol=1e-5)
    assert not hasattr(Shared.feature_encoder, "scale_")
    np.testing.assert_allclose(fitted.feature_encoder_.mean_, far.mean(axis=0))


class TwoInputs(kohort.KerasRegressor):
    def _keras_build_fn(self, meta):
        one, two = keras.Input((1,)), keras.Input((2,))
        model = keras.Model([one, two], L.Dense(1)(L.Concatenate()([one, two])))
        model.compile("sgd", "mse")
        assert meta["n_features_in_"] == 3
        assert meta["feature_encoder_"] is not None
        return model

    @property
    def feature_encoder(self):
        return FunctionTransformer(lambda table: [table[:, 0], table[:, 1:]])


def test_a_table_is_split_over_the_inputs_of_a_model():
    assert TwoInputs().fit(X, X[:, 0]).predict(X).shape == (24,)


class Heads(BaseEstimator, TransformerMixin):
    """Each column of y to an output of its own."""

    def fit(self, y):
        self.outputs = y.shape[1]
        return self

    def transform(self, y):
        return [column[:, None] for column in np.asarray(y, np.float32).T]

    def inverse_transform(self, outputs, return_proba=False):
        table = np.column_stack(outputs)
        return table if return_proba else np.around(table).astype(int)

    def get_metadata(self):
        return {"n_outputs_expected_": self.outputs, "classes_": np.array([0, 1])}


class Several(kohort.KerasClassifier):
    @property
    def target_encoder(self):
        return Heads()

    @staticmethod
    def scorer(y_true, y_pred, sample_weight=None):
        return 7.0


def heads(meta):
    inputs = keras.Input((3,))
    outputs = [L.Dense(1, "sigmoid")(inputs) for _ in range(meta["n_outputs_expected_"])]
    return keras.Model(inputs, outputs)


def test_a_classifier_has_an_output_for_each_column_and_a_score_of_its_own():
    y = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    fitted = Several(heads, loss="binary_crossentropy").fit(X, y)
    assert fitted.predict(X).shape == (24, 2)
    assert fitted.predict_proba(X).dtype.kind == "f"
    np.testing.assert_array_equal(fitted.classes_, [0, 1])
    assert fitted.score(X, y) == 7.0


def test_what_an_encoder_must_keep_is_said():
    class Shorter(kohort.KerasRegressor):
        target_encoder = FunctionTransformer(lambda y: y[1:])

    class Words(kohort.KerasRegressor):
        target_encoder = FunctionTransformer(lambda y: y.astype(str))

    class Silent(kohort.KerasClassifier):
        target_encoder = FunctionTransformer()

    with pytest.raises(kohort.DataError, match="`target_encoder` must keep the number of rows, 24"):
        Shorter(linear).fit(X, X[:, 0])
    with pytest.raises(kohort.DataError, match="must give numbers"):
        Words(linear).fit(X, X[:, 0])
    with pytest.raises(kohort.ModelError, match="return_proba"):
        Silent(linear).fit(X, X[:, 0] > 0).predict_proba(X)


def dynamic_model(X, y, loss, layers=(4,)):
    """Sizes its input by X and its output by y, as the functions of Keras's wrappers do."""
    model = keras.Sequential([keras.Input((X.shape[1],))])
    for width in layers:
        model.add(L.Dense(width, "relu"))
    model.add(L.Dense(y.shape[1] if y.ndim > 1 else 1, "softmax"))
    model.compile("rmsprop", loss)
    return model


LABELS = np.array(["a", "b", "c"])[np.arange(24) % 3]


@pytest.mark.parametrize("rows", [X, X.tolist(), pd.DataFrame(X)], ids=["array", "list", "frame"])
@pytest.mark.parametrize("labels", [LABELS, LABELS.tolist(), LABELS == "a"])
def test_a_categorical_function_gets_arrays_and_one_hot_targets(rows, labels):
    params = {"loss": "categorical_crossentropy", "layers": (2,)}
    fitted = kohort.KerasClassifier(dynamic_model, **params).initialize(rows, labels)
    assert fitted.model_.output_shape == (None, len(set(np.unique(labels))))


def test_a_function_that_compiles_with_a_categorical_loss_gets_one_hot_targets_too():
    def build(X, y):
        return dynamic_model(X, y, keras.losses.CategoricalFocalCrossentropy())

    fitted = kohort.KerasClassifier(build).initialize(X, LABELS)
    assert fitted.model_.output_shape == (None, 3)


def test_other_functions_get_labels_and_a_regressor_columns():
    heard = []

    def build(X, y, loss="mse"):
        heard.append(y)
        units = 3 if loss.startswith("sparse") else 1
        return keras.Sequential([keras.Input((3,)), L.Dense(units)])

    kohort.KerasClassifier(build, loss="sparse_categorical_crossentropy").initialize(X, LABELS)
    np.testing.assert_array_equal(heard.pop(), LABELS)
    kohort.KerasRegressor(build).initialize(X.tolist(), X[:, 0].tolist())
    np.testing.assert_array_equal(heard.pop(), X[:, :1])

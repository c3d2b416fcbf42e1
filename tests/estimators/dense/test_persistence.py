"""Keras export, files without pickle, and pickle."""

import io
import json
import pickle
import zipfile

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud
from sklearn.metrics import log_loss, mean_squared_error

import kohort
from kohort.estimators.dense.model_file import ARRAYS, DOCUMENT, contents

PARAMETERS = {"width": [20, 33], "epochs": 5, "dropout": 0.1, "l2": 1e-4, "random_state": 0}


def fitted(name):
    load, kind = {
        "iris": (load_iris, kohort.DenseClassifier),
        "cancer": (load_breast_cancer, kohort.DenseClassifier),
        "diabetes": (load_diabetes, kohort.DenseRegressor),
        "linnerud": (load_linnerud, kohort.DenseRegressor),
    }[name]
    X, y = load(return_X_y=True)
    if name == "iris":
        y = np.array(["a", "bb", "ccc"], dtype=object)[y]
    return kind(**PARAMETERS, optimizer="adamw").fit(X, y), X, y


def outputs(model, X):
    """Outputs of the exported network, computed by the estimator."""
    if isinstance(model, kohort.DenseRegressor):
        return model.predict(X).reshape(len(X), -1)
    probability = model.predict_proba(X)
    return probability[:, 1:] if probability.shape[1] == 2 else probability


@pytest.mark.parametrize("name", ["iris", "cancer", "diabetes", "linnerud"])
def test_the_keras_model_predicts_the_same_from_raw_features(name, tmp_path):
    model, X, _ = fitted(name)
    exported = model.to_keras()
    expected = outputs(model, X)
    np.testing.assert_allclose(
        exported.predict(X, verbose=0), expected, atol=1e-5 * np.abs(expected).max()
    )
    exported.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), exported.predict(X, verbose=0))


def test_the_keras_model_is_compiled_with_the_recipes_loss_and_optimizer():
    model, X, y = fitted("cancer")
    exported = model.to_keras()
    penalty = sum(1e-4 * np.sum(kernel**2) for kernel in model.weights_[::2])
    loss, accuracy = exported.evaluate(X, y, verbose=0)
    assert loss == pytest.approx(log_loss(y, model.predict_proba(X)) + penalty, rel=1e-4)
    assert accuracy == pytest.approx(model.score(X, y))
    assert isinstance(exported.optimizer, keras.optimizers.AdamW)
    assert exported.optimizer.weight_decay == 0.004
    regressor, X, y = fitted("diabetes")
    penalty = sum(1e-4 * np.sum(kernel**2) for kernel in regressor.weights_[::2])
    loss = regressor.to_keras().evaluate(X, y, verbose=0)[0]
    assert loss == pytest.approx(mean_squared_error(y, regressor.predict(X)) + penalty, rel=1e-4)


@pytest.mark.parametrize(
    ("optimizer", "momentum", "kind"),
    [
        ("sgd", None, "SGD"),
        ("sgd", 0.7, "SGD"),
        ("momentum", 0.7, "SGD"),
        ("nesterov", 0.7, "SGD"),
        ("adam", None, "Adam"),
    ],
)
def test_each_optimizer_becomes_kerass(optimizer, momentum, kind):
    X, y = load_diabetes(return_X_y=True)
    parameters = PARAMETERS | {"optimizer": optimizer, "epochs": 1, "momentum": momentum}
    exported = kohort.DenseRegressor(**parameters).fit(X, y).to_keras().optimizer
    assert type(exported).__name__ == kind
    if kind == "SGD":
        assert exported.momentum == (momentum or 0.0)
        assert exported.nesterov == (optimizer == "nesterov")


@pytest.mark.parametrize("name", ["iris", "cancer", "diabetes", "linnerud"])
@pytest.mark.parametrize("way", ["save", "pickle", "joblib"])
def test_what_comes_back_predicts_exactly_the_same(name, way, tmp_path):
    model, X, _ = fitted(name)
    path = tmp_path / "model"
    if way == "save":
        model.save(path)
        again = kohort.load(path)
    elif way == "pickle":
        again = pickle.loads(pickle.dumps(model))
    else:
        joblib.dump(model, path)
        again = joblib.load(path)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.get_params() == model.get_params()
    for attribute in ("n_epochs_", "best_epoch_", "status_", "n_features_in_", "recipe_"):
        assert getattr(again, attribute) == getattr(model, attribute)
    for key, values in model.history_.items():
        np.testing.assert_array_equal(again.history_[key], values)


def test_a_file_of_the_format_before_predicts_what_it_did_and_keeps_its_settings(tmp_path):
    """That format knew neither clipping nor where outputs start."""
    X, y = load_diabetes(return_X_y=True)
    before = {"scale_binary": True, "input_clip": None, "output_bias": "zeros"}
    model = kohort.DenseRegressor(
        **PARAMETERS, **before, kernel_initializer="he_normal", output_initializer="auto"
    ).fit(X, y)
    model.save(tmp_path / "new")
    document, arrays = contents(tmp_path / "new")
    document["format"] = 2
    document["parameters"] |= {"kernel_initializer": "auto"}
    for name in (*before, "output_initializer"):
        del document["parameters"][name]
    del document["recipe"]["output_bias"], arrays["features_limit"]
    inner = io.BytesIO()
    np.savez(inner, **arrays)
    with zipfile.ZipFile(tmp_path / "old", "w") as archive:
        archive.writestr(DOCUMENT, json.dumps(document))
        archive.writestr(ARRAYS, inner.getvalue())
    again = kohort.load(tmp_path / "old")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.recipe_ == model.recipe_
    refitted = clone(again).fit(X, y)
    np.testing.assert_array_equal(refitted.predict(X), model.predict(X))


@pytest.mark.parametrize("kind", [pd.Index, pd.Series, np.array, tuple])
def test_widths_of_any_kind_are_saved(kind, tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 2))
    model = kohort.DenseRegressor(width=kind([3, 2]), depth=2, epochs=1, random_state=0)
    model.fit(X, X[:, 0]).save(tmp_path / "model")
    again = kohort.load(tmp_path / "model")
    assert list(again.width) == [3, 2]
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_numpy_numbers_in_lists_are_saved(tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 2))
    options = {"width": (np.int64(3), np.int64(2)), "factors": list(np.array([1.0, 0.5, 0.2]))}
    options |= {"boundaries": np.array([1, 2]), "schedule": "piecewise", "depth": 2}
    model = kohort.DenseRegressor(epochs=3, random_state=0, **options).fit(X, X[:, 0])
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(kohort.load(tmp_path / "model").predict(X), model.predict(X))


def test_a_saved_file_holds_no_pickle(tmp_path):
    model, _, _ = fitted("iris")
    model.save(tmp_path / "model")
    assert b"sklearn" not in (tmp_path / "model").read_bytes()


def test_files_that_are_not_models_are_one_clear_error(tmp_path):
    (tmp_path / "text").write_text("no model")
    for path in (tmp_path / "text", tmp_path / "missing"):
        with pytest.raises(kohort.DataError, match=f"{path.name}' is not a readable kohort model"):
            kohort.load(path)
    model, _, _ = fitted("diabetes")
    with pytest.raises(kohort.DataError, match=r"cannot be written.*folder that exists"):
        model.save(tmp_path / "nowhere" / "model")
    for path in (5, None, b"model"):
        for act in (kohort.load, model.save):
            with pytest.raises(kohort.ParameterError, match="`path` must be the path of a file"):
                act(path)
    for act in (kohort.load, model.save):
        with pytest.raises(kohort.DataError, match=r"a\.\.\..*: File name too long\.") as caught:
            act(5000 * "a")
        with pytest.raises(kohort.DataError, match="embedded null byte"):
            act("a\0b")
        assert len(str(caught.value)) < 300
    assert list(tmp_path.iterdir()) == [tmp_path / "text"]

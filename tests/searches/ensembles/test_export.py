"""Ensembles outside of the search: as one Keras model, and in a file."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort

X, Y = make_regression(60, 3, noise=20.0, random_state=0)
FLOWERS, CODES = load_iris(return_X_y=True)
SPACE = {"width": [4, 8]}
OWN = {"depth": 1, "epochs": 4, "random_state": 0}
FOLDS = KFold(2, shuffle=True, random_state=0)


def ensemble(model, space=SPACE, X=X, y=Y):
    search = kohort.GridSearchCV(model, space, cv=FOLDS, refit="ensemble").fit(X, y)
    return search.best_estimator_


@pytest.fixture(scope="module")
def regression():
    return ensemble(kohort.DenseRegressor(**OWN, n_networks=2))


@pytest.fixture(scope="module")
def piped():
    model = make_pipeline(StandardScaler(), kohort.DenseRegressor(**OWN))
    return ensemble(model, {"denseregressor__width": [4, 8]})


def test_one_keras_model_predicts_what_the_ensemble_does(regression, tmp_path):
    model = regression.to_keras()
    expected = regression.predict(X)
    assert model.predict(X, verbose=0)[:, 0] == pytest.approx(expected, rel=1e-4, abs=1e-2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.predict(X, verbose=0)[:, 0] == pytest.approx(expected, rel=1e-4, abs=1e-2)
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(np.mean((expected - Y) ** 2), rel=1e-2)


@pytest.mark.rest
@pytest.mark.parametrize("classes", [2, 3])
def test_one_keras_model_gives_the_probabilities(classes):
    rows, codes = FLOWERS[classes > CODES], CODES[classes > CODES]
    found = ensemble(kohort.DenseClassifier(**OWN), X=rows, y=codes)
    probabilities = found.to_keras().predict(rows, verbose=0)
    expected = found.predict_proba(rows)
    assert probabilities == pytest.approx(expected[:, 1:] if classes == 2 else expected, abs=1e-5)


def test_names_of_layers_do_not_depend_on_what_was_made_before():
    found = ensemble(kohort.DenseClassifier(**OWN), X=FLOWERS, y=CODES)
    found.parts_ = tuple(replace(part, weight=0.5) for part in (found.parts_ * 2)[:2])
    keras.backend.clear_session()
    found.to_keras()


def test_one_keras_model_gives_the_probabilities_of_labels(tmp_path):
    rows, labels = make_multilabel_classification(90, 4, n_classes=3, random_state=0)
    found = ensemble(kohort.DenseClassifier(**OWN), X=rows, y=labels)
    model = found.to_keras()
    assert model.predict(rows, verbose=0) == pytest.approx(found.predict_proba(rows), abs=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(rows, verbose=0), model.predict(rows, verbose=0))


@pytest.mark.rest
def test_behind_transformers_it_is_a_model_of_what_they_give(piped):
    with pytest.raises(kohort.ParameterError, match="Search with the network alone"):
        piped.to_keras()
    model = piped.to_keras(transformed=True)
    assert len(model.inputs) == len(piped.fronts_) == 2
    inputs = [front.transform(X) for front in piped.fronts_]
    assert model.predict(inputs, verbose=0)[:, 0] == pytest.approx(piped.predict(X), rel=1e-3)


def test_what_is_no_network_has_no_keras_model():
    with pytest.raises(kohort.ParameterError, match="that of a search over networks"):
        ensemble(Ridge(), {"alpha": [1.0]}).to_keras()


def test_a_file_of_networks_needs_no_trust(regression, tmp_path):
    regression.save(tmp_path / "model")
    again = kohort.load(tmp_path / "model")
    assert isinstance(again, kohort.EnsembleRegressor)
    assert again.predict(X).tolist() == regression.predict(X).tolist()
    assert again.weights_.tolist() == regression.weights_.tolist()
    assert (again.loss_, again.loss_name_) == (regression.loss_, regression.loss_name_)
    assert again.n_features_in_ == 3
    assert [part.candidate for part in again.parts_] == [p.candidate for p in regression.parts_]
    with pytest.raises(kohort.ParameterError, match="`search` must be"):
        again.fit(X, Y)


def test_a_file_with_transformers_holds_pickles_and_needs_it(piped, tmp_path):
    piped.save(tmp_path / "model")
    with pytest.raises(kohort.DataError, match="trusted=True"):
        kohort.load(tmp_path / "model")
    again = kohort.load(tmp_path / "model", trusted=True)
    assert again.predict(X).tolist() == piped.predict(X).tolist()
    assert len(again.fronts_) == 2


def test_classes_and_their_names_come_back(tmp_path):
    names = np.array(["a", "b", "c"])[CODES]
    found = ensemble(kohort.DenseClassifier(**OWN), X=FLOWERS, y=names)
    found.save(tmp_path / "model")
    again = kohort.load(tmp_path / "model")
    assert again.predict(FLOWERS).tolist() == found.predict(FLOWERS).tolist()
    assert again.classes_.tolist() == ["a", "b", "c"]


def test_a_damaged_file_and_a_folder_without_one_are_one_clear_error(regression, tmp_path):
    regression.save(tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    (tmp_path / "model").write_bytes(content.replace(b'"format": 1', b'"format": x'))
    with pytest.raises(kohort.DataError, match="not a readable"):
        kohort.load(tmp_path / "model")
    with pytest.raises(kohort.DataError, match="cannot be written"):
        regression.save(tmp_path / "nowhere" / "model")

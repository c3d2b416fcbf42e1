"""Targets of a classifier: labels, several labels per row, weights of classes, what is no class."""

import datetime

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.neural_network import MLPClassifier

import kohort

NETWORK = {"width": 8, "depth": 1, "epochs": 2, "random_state": 0}


def classifier(**parameters):
    return kohort.DenseClassifier(**NETWORK | parameters)


@pytest.fixture(scope="module", name="X")
def features():
    return np.random.default_rng(0).normal(size=(200, 3))


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(1).integers(0, 3, 200)


@pytest.fixture(scope="module")
def several(X):
    """A classifier of three labels per row, and its targets."""
    Y = (X > 0).astype(int)
    return classifier(width=16, epochs=30, learning_rate=0.01).fit(X, Y), Y


def test_several_labels_per_row_are_predicted_as_scikit_learn_s_mlp_does(X, several, tmp_path):
    model, Y = several
    theirs = MLPClassifier((4,), max_iter=2, random_state=0)
    with pytest.warns(match="converge"):
        theirs.fit(X, Y)
    for method in ("predict", "predict_proba"):
        ours, wanted = (getattr(m, method)(X) for m in (model, theirs))
        assert (ours.shape, ours.dtype) == (wanted.shape, wanted.dtype)
    assert model.classes_.tolist() == theirs.classes_.tolist()
    assert model.score(X, Y) == (model.predict(X) == Y).all(axis=1).mean() > 0.9
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) > 0.5)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(kohort.load(tmp_path / "model").predict(X), model.predict(X))
    exported = model.to_keras().predict(X, verbose=0)
    np.testing.assert_allclose(exported, model.predict_proba(X), atol=1e-5)


def test_several_labels_may_be_sparse_or_flags_and_are_validated_as_a_whole(X, several):
    model, Y = several
    for same in (csr_array(Y), Y.astype(bool), Y.astype(float), Y.tolist()):
        again = classifier(width=16, epochs=30, learning_rate=0.01).fit(X, same)
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    part = classifier().fit(X[:100], Y[:100], validation_data=(X[100:], Y[100:]))
    assert part.history_["val_accuracy"][part.best_epoch_] == pytest.approx(
        part.score(X[100:], Y[100:])
    )
    with pytest.raises(kohort.DataError, match="3 columns of 0 and 1"):
        classifier().fit(X, Y, validation_data=(X, Y[:, :2]))


def test_smoothed_labels_are_each_a_question_of_two_answers(X):
    """Labels that say nothing end at their share, moved towards one half."""
    Y = np.column_stack([np.ones(200, int), np.zeros(200, int), np.ones(200, int)])
    Y[0] = 1 - Y[0]
    model = classifier(
        depth=0, epochs=400, learning_rate=0.1, label_smoothing=0.2, early_stopping=False,
        batch_size=200,
    ).fit(0 * X, Y)  # fmt: skip
    wanted = 0.8 * Y.mean(axis=0) + 0.1
    np.testing.assert_allclose(model.predict_proba(X[:1])[0], wanted, atol=1e-3)


def test_passes_over_several_labels_have_an_uncertainty_each(X):
    Y = (X > 0).astype(int)
    found = classifier(n_networks=2).fit(X, Y).predict_uncertainty(X)
    assert found.predictive_entropy.shape == found.mutual_information.shape == Y.shape
    assert (found.predictive_entropy <= np.log(2) + 1e-12).all()


@pytest.mark.parametrize("weights", ["balanced", {0: 1.0, 1: 2.0, 2: 8.0}], ids=str)
def test_weights_of_rows_with_one_label_each_are_those_of_the_label(weights, X, labels):
    weighted = classifier(class_weight=weights).fit(X, np.eye(3, dtype=int)[labels])
    of_class = weights
    if weights == "balanced":
        of_class = 200 / (3 * np.bincount(labels))
    by_row = np.array([of_class[label] for label in labels])
    expected = classifier().fit(X, np.eye(3, dtype=int)[labels], sample_weight=by_row)
    np.testing.assert_array_equal(weighted.predict_proba(X), expected.predict_proba(X))


def test_weights_of_a_column_are_those_of_the_flat_labels(X, labels):
    flat = classifier(class_weight="balanced").fit(X, labels)
    with pytest.warns(match="column-vector"):
        column = classifier(class_weight="balanced").fit(X, labels[:, None])
    np.testing.assert_array_equal(column.predict_proba(X), flat.predict_proba(X))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({0: -1.0, 1: 1.0, 2: 1.0}, r"`class_weight\[0\]` must be a number >= 0; got -1.0"),
        ({0: 1, 1: np.nan, 2: 1}, r"`class_weight\[1\]` must be a number >= 0; got nan"),
        ({0: 1, 1: np.inf, 2: 1}, r"`class_weight\[1\]` must be a number >= 0; got inf"),
        ({0: 1, 1: "2", 2: 1}, r"`class_weight\[1\]` must be a number >= 0; got '2'"),
        ({0: 1, 7: 2}, r"`class_weight` must be .* a dict from class to weight"),
        ([1, 2, 3], r"`class_weight` must be None, 'balanced' or a dict"),
    ],
    ids=str,
)
def test_weights_that_weigh_nothing_are_refused(weights, message, X, labels):
    with pytest.raises(kohort.ParameterError, match=message):
        classifier(class_weight=weights).fit(X, labels)


def test_weights_of_classes_cannot_be_those_of_rows_with_several_labels(X):
    with pytest.raises(kohort.ParameterError, match=r"class_weight.*give sample_weight instead"):
        classifier(class_weight="balanced").fit(X, (X > 0).astype(int))
    with pytest.raises(kohort.ParameterError, match="for a column per label"):
        classifier(loss="sparse_categorical_crossentropy").fit(X, (X > 0).astype(int))
    with pytest.raises(kohort.DataError, match=r"0 or 1 where it has a column per label.*\[1, 2\]"):
        classifier().fit(X, (X > 0) + 1)


DAYS = np.array("2020-01-01", "M8[D]") + np.arange(200) % 5
TIMES = {
    "days": DAYS,
    "zoned": pd.Series(DAYS).dt.tz_localize("UTC"),
    "durations": DAYS - DAYS[0],
    "dates": np.array([datetime.date(2020, 1, 1 + i % 9) for i in range(200)], object),
}


@pytest.mark.parametrize("kind", TIMES)
def test_dates_and_durations_are_no_targets(kind, X):
    for estimator in (classifier(), kohort.DenseRegressor(**NETWORK)):
        with pytest.raises(kohort.DataError, match="got dates or durations"):
            estimator.fit(X, TIMES[kind])


@pytest.mark.parametrize("y", [np.arange(200), np.array([f"id {i}" for i in range(200)])])
def test_a_class_per_row_is_refused(y, X):
    with pytest.raises(kohort.DataError, match="200 classes in 200 rows"):
        classifier().fit(X, y)
    assert classifier(early_stopping=False).fit(X[:4], y[:4]).classes_.tolist() == y[:4].tolist()


def test_less_than_a_row_to_validate_on_is_refused(X):
    with pytest.raises(kohort.DataError, match=r"validation_fraction must.*1e-09 of n_samples=200"):
        kohort.DenseRegressor(**NETWORK, validation_fraction=1e-9).fit(X, X[:, 0])


@pytest.mark.parametrize("kind", ["Int64", "boolean"])
def test_labels_of_pandass_own_types_stay_what_they_are(kind, X, labels):
    y = labels > 0 if kind == "boolean" else labels
    series = pd.Series(y, dtype=kind, index=np.arange(200)[::-1])
    model, plain = classifier().fit(X, series), classifier().fit(X, y)
    assert model.classes_.tolist() == plain.classes_.tolist() == np.unique(y).tolist()
    assert model.predict(X).dtype.kind == y.dtype.kind
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    with pytest.raises(ValueError, match=r"NaN|missing of"):
        classifier().fit(X, series.where(series.index > 3))

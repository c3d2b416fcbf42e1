"""Dense networks on piecewise linear encodings: `n_bins`."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import kohort
from kohort.data.bins import Bins

_GENERATOR = np.random.default_rng(0)
X = np.column_stack([
    100 + 5 * _GENERATOR.normal(size=240), _GENERATOR.random(240) < 0.3, np.ones(240),
    _GENERATOR.integers(0, 4, 240), _GENERATOR.lognormal(size=240),
]).astype(float)  # fmt: skip
Y = np.sin(X[:, 0]) + X[:, 1] + X[:, 3] - (X[:, 4] > 1)
KINDS = np.digitize(Y, [0.5, 2])
OWN = {"width": 16, "depth": 1, "epochs": 12, "random_state": 0}


def by_hand(X, count, weight=None):
    """The columns of X and those of their bins, which are not a linear function of them."""
    return np.hstack([X, Bins.of_quantiles(X, weight, count).of(X)])


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_it_is_the_network_on_columns_that_were_added_by_hand(standardize, weighted):
    weight = np.arange(len(X)) % 3.0 if weighted else None
    options = {**OWN, "standardize": standardize, "learning_rate": 1e-4}
    model = kohort.DenseRegressor(**options, n_bins=6).fit(X, Y, weight)
    wide = by_hand(X, 6, weight)
    other = kohort.DenseRegressor(**options).fit(wide, Y, weight)
    assert model.weights_[0].shape[0] == wide.shape[1]
    np.testing.assert_array_equal(model.predict(X), other.predict(wide))


def test_it_learns_what_the_plain_network_does_not():
    options = {**OWN, "epochs": 60}
    plain, binned = (kohort.DenseRegressor(**options, n_bins=n).fit(X, Y) for n in (None, 12))
    assert binned.score(X, Y) > plain.score(X, Y) + 0.05


@pytest.mark.parametrize("kind", [kohort.DenseRegressor, kohort.DenseClassifier])
def test_keras_models_files_and_pickles_predict_the_same(kind, tmp_path):
    y = Y if kind is kohort.DenseRegressor else KINDS
    ask = "predict" if kind is kohort.DenseRegressor else "predict_proba"
    model = kind(**OWN, n_bins=5).fit(X, y)
    far = np.vstack([X, X * [10, 1, 1, -3, 1e6]])
    expected = getattr(model, ask)(far)
    model.to_keras().save(tmp_path / "model.keras")
    exported = keras.models.load_model(tmp_path / "model.keras").predict(far, verbose=0)
    np.testing.assert_allclose(np.squeeze(exported), expected, rtol=2e-4, atol=2e-4)
    model.save(tmp_path / "model")
    for again in (kohort.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(getattr(again, ask)(far), expected)


def test_bins_too_narrow_for_single_precision_are_steps_in_keras():
    chances = np.random.default_rng(0).uniform(size=(200, 2))
    chances[:60, 0] *= 1e-50
    model = kohort.DenseRegressor(**OWN, n_bins=4).fit(chances, chances[:, 1])
    assert np.isfinite(model.to_keras().predict(chances.astype(np.float32), verbose=0)).all()


def test_alone_and_together_give_the_same():
    counts = [None, 3, 8]
    alone = [kohort.DenseRegressor(**OWN, n_bins=n).fit(X, Y) for n in counts]
    search = kohort.GridSearchCV(
        kohort.DenseRegressor(**OWN), {"n_bins": counts}, cv=[(np.arange(240), np.arange(240))] * 2,
        refit="ensemble",
    ).fit(X, Y)  # fmt: skip
    for place, model in enumerate(alone):
        assert search.cv_results_["split0_test_score"][place] == model.score(X, Y)
    parts = {part.parameters["n_bins"]: part for part in search.best_estimator_.parts_}
    for count, part in parts.items():
        own = part.members[0].head.predict(X)
        np.testing.assert_array_equal(own, alone[counts.index(count)].predict(X))


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, "parquet"])
def test_a_table_that_is_not_in_memory_is_refused(kind, tmp_path):
    if kind == "parquet":
        pd.DataFrame(X, columns=list("abcde")).to_parquet(tmp_path / "table.parquet")
        table = kohort.ParquetTable(tmp_path / "table.parquet")
    else:
        table = kind(X)
    with pytest.raises(kohort.ParameterError, match=r"`n_bins` must be None for a table that is"):
        kohort.DenseRegressor(**OWN, n_bins=4).fit(table, Y)


def test_rows_without_a_label_count_for_the_ends_of_bins():
    model = kohort.DenseRegressor(**OWN, n_bins=4, pretrain="autoencoder", pretrain_epochs=2)
    model.fit(X[:120], Y[:120], X_unlabeled=X[120:])
    np.testing.assert_array_equal(model._scaling.bins.low, Bins.of_quantiles(X, None, 4).low)


@pytest.mark.parametrize("wrong", [1, 2.5, "8", True])
def test_a_bad_number_of_bins_is_refused(wrong):
    with pytest.raises(kohort.ParameterError, match=r"`n_bins` must be a whole number >= 2"):
        kohort.DenseRegressor(n_bins=wrong).fit(X, Y)

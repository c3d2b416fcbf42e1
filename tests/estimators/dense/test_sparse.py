"""Sparse features train the network that their dense copy trains, without ever being dense."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import kohort
from kohort.data.moments import in_blocks, moments
from kohort.data.sparse_rows import SparseRows, SparseTable

NETWORK = {"width": 8, "depth": 1, "epochs": 3, "learning_rate": 0.01, "random_state": 0}


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(150, 6)) * (generator.random((150, 6)) < 0.2)
    x[:, 4], x[:, 5] = 0, 1.76e9 + 60 * generator.normal(size=150)
    return x, x @ [1.0, -2.0, 0.5, 0.3, 0.0, 0.0] + 0.1 * generator.normal(size=150)


def in_parts(x):
    """A matrix whose values each stand in two parts."""
    return scipy.sparse.csr_matrix(
        (
            np.tile((x / 2).ravel(), 2),
            (np.tile(np.repeat(np.arange(len(x)), x.shape[1]), 2),
             np.tile(np.tile(np.arange(x.shape[1]), len(x)), 2)),
        ),
        x.shape,
    )  # fmt: skip


FORMS = {
    "csr_matrix": scipy.sparse.csr_matrix,
    "csr_array": scipy.sparse.csr_array,
    "csc_array": scipy.sparse.csc_array,
    "coo_matrix": scipy.sparse.coo_matrix,
    "lil_matrix": scipy.sparse.lil_matrix,
    "two parts": in_parts,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_sparse_table_trains_the_network_of_its_dense_copy(form, table):
    x, y = table
    dense = kohort.DenseRegressor(**NETWORK).fit(x, y)
    sparse = kohort.DenseRegressor(**NETWORK).fit(FORMS[form](x), y)
    np.testing.assert_allclose(
        sparse.predict(FORMS[form](x)), dense.predict(x), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(sparse.predict(x), dense.predict(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sparse.history_["val_loss"], dense.history_["val_loss"], rtol=1e-5)


@pytest.mark.parametrize(
    "parameters",
    [
        {"early_stopping": False, "batch_size": 64},
        {"standardize": False, "n_networks": 2},
        {"diagnose": True},
    ],
    ids=str,
)
def test_options_hold_for_sparse_tables_too(parameters, table):
    x, y = table
    x = x[:, :5]
    weight = np.linspace(0, 2, len(x))
    checked = (scipy.sparse.csr_array(x[:40]), y[:40])
    models = [
        kohort.DenseRegressor(**NETWORK | parameters).fit(
            form(x), y, sample_weight=weight, validation_data=checked
        )
        for form in (np.asarray, scipy.sparse.csr_array)
    ]
    np.testing.assert_allclose(models[1].predict(x), models[0].predict(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [bool, np.int8, np.int64, np.float32])
def test_whole_numbers_and_flags(kind, table):
    x = (table[0][:, :4] != 0).astype(kind)
    labels = (table[1] > 0).astype(int)
    dense, sparse = (
        kohort.DenseClassifier(**NETWORK).fit(form(x), labels).predict_proba(form(x))
        for form in (np.asarray, scipy.sparse.csr_array)
    )
    np.testing.assert_allclose(sparse, dense, rtol=1e-5)


def test_moments_are_those_of_the_dense_copy(table):
    x = np.column_stack([table[0], np.full(150, 0.1), -np.abs(table[0][:, 0])])
    x = np.vstack([x * 10.0**power for power in (0, 3)])
    for weight in (None, np.linspace(0, 3, len(x)), np.arange(len(x)) % 2.0):
        found = SparseTable(scipy.sparse.csr_array(x)).moments(weight)
        wanted = moments(in_blocks(x, weight))
        for name in ("low", "high", "rounding", "constant"):
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
        np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(found.deviation, wanted.deviation, rtol=1e-7, atol=1e-15)
    huge = SparseTable(scipy.sparse.csr_array([[1e200, 7.0], [0, 7.0], [0, 7.0]])).moments(None)
    np.testing.assert_allclose(huge.deviation / 1e200, [np.sqrt(2) / 3, 0], atol=1e-12)
    assert huge.constant.tolist() == [False, True]


def test_the_whole_table_is_never_dense(monkeypatch):
    generator = np.random.default_rng(0)
    x = scipy.sparse.random_array((40_000, 200), density=0.01, rng=generator, format="csr")
    written = []
    write = SparseRows._write

    def counted(self, part, out):
        written.append(len(out))
        write(self, part, out)

    monkeypatch.setattr(SparseRows, "_write", counted)
    model = kohort.DenseRegressor(**NETWORK | {"epochs": 1, "batch_size": 4096}).fit(
        x, np.asarray(x.sum(axis=1)).ravel()
    )
    model.predict(x)
    assert max(written) <= 8192  # A block of a prediction.


def test_text_and_categories_train_in_a_search_whose_folds_share_a_table():
    words = ["red wine", "white wine", "red beer", "dark beer", "white bread", "dark bread"] * 10
    prices = np.arange(60) % 6 / 6.0
    pipeline = make_pipeline(TfidfVectorizer(), kohort.DenseRegressor(**NETWORK))
    grid = {"denseregressor__learning_rate": [1e-3, 1e-2]}
    alone = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(words, prices)
    with kohort.together():
        search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(words, prices)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"], rtol=1e-4
    )
    frame = pd.DataFrame({"what": words, "price": prices})
    encoded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["what"]),
        (StandardScaler(), ["price"]),
        sparse_threshold=1.0,
    )
    labels = [text.split()[1] for text in words]
    model = make_pipeline(encoded, kohort.DenseClassifier(**NETWORK | {"epochs": 20}))
    assert model.fit(frame, labels).score(frame, labels) == 1


def test_what_a_sparse_table_cannot_do_is_said(table):
    x, y = scipy.sparse.csr_array(table[0]), table[1]
    with pytest.raises(kohort.ParameterError, match=r"`pretrain` must be None for a sparse X"):
        kohort.DenseRegressor(**NETWORK, pretrain="denoising").fit(x, y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        kohort.DenseRegressor(**NETWORK).fit(x * np.nan, y)
    with pytest.raises(kohort.DataError, match="too large for float32"):
        kohort.DenseRegressor(**NETWORK, standardize=False).fit(x * 1e200, y)
    model = kohort.DenseRegressor(**NETWORK).fit(x, y)
    with pytest.raises(ValueError, match="X has 4 features, but DenseRegressor is expecting 6"):
        model.predict(x[:, :4])

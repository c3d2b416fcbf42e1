"""Unsupervised pretraining: unlabelled rows, encoders that start the network, frozen layers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

import kohort
from kohort.engine.programs import compilations

KINDS = ["autoencoder", "denoising", "layerwise"]
_COMMON = {
    "depth": 2, "width": [32, 16], "epochs": 5, "pretrain_epochs": 15, "learning_rate": 3e-3,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_layers_hold_codes_from_which_the_inputs_can_be_told(kind, digits):
    """Without any training of hidden layers on labels, a linear readout of the codes works."""
    X, other_X, y, other_y = digits
    frozen = {**_COMMON, "epochs": 60, "freeze_epochs": 60}
    encoded = kohort.DenseClassifier(pretrain=kind, **frozen | {"pretrain_epochs": 60}).fit(X, y)
    drawn = kohort.DenseClassifier(**frozen).fit(X, y)
    codes, noise = (_codes(model, X) for model in (encoded, drawn))
    x = (X - encoded._scaling.mean) / encoded._scaling.scale
    assert _unexplained(codes, x) < 0.9 * _unexplained(noise, x)
    assert encoded.score(other_X, other_y) > 0.75


def _codes(model, X):
    x = (X - model._scaling.mean) / model._scaling.scale
    for kernel, bias in zip(model.weights_[:-2:2], model.weights_[1:-2:2], strict=True):
        x = np.maximum(x @ kernel + bias, 0)
    return x


def _unexplained(codes, x):
    """Share of the inputs' variance that the best linear map of the codes leaves."""
    design = np.column_stack([codes, np.ones(len(codes))])
    left = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    return left.var() / x.var()


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_layers_do_not_move_and_thawed_ones_do(kind, digits):
    X, _, y, _ = digits
    fits = [
        kohort.DenseClassifier(pretrain=kind, **_COMMON | {"epochs": n}, freeze_epochs=2).fit(X, y)
        for n in (1, 2, 3)
    ]
    kernels = [fit.weights_[0] for fit in fits]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[1], kernels[2])
    assert not np.array_equal(fits[0].weights_[-1], fits[1].weights_[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_unlabelled_rows_are_the_same_by_label_and_by_argument(kind, digits):
    X, other_X, y, _ = digits
    labelled = np.arange(len(X)) % 4 == 0
    X, y = X.copy(), y.copy()
    by_argument = kohort.DenseClassifier(pretrain=kind, **_COMMON).fit(
        X[labelled], y[labelled], X_unlabeled=X[~labelled]
    )
    y[~labelled] = -1
    by_label = kohort.DenseClassifier(pretrain=kind, **_COMMON).fit(X, y)
    np.testing.assert_array_equal(
        by_label.predict_proba(other_X), by_argument.predict_proba(other_X)
    )
    assert by_label.classes_.tolist() == list(range(10))


def test_a_target_of_nan_is_no_label():
    generator = np.random.default_rng(0)
    X = pd.DataFrame(generator.normal(size=(200, 5)), columns=list("abcde"))
    y = X["a"] - X["b"]
    y[generator.random(200) < 0.5] = np.nan
    model = kohort.DenseRegressor(pretrain="denoising", **_COMMON | {"epochs": 60})
    model.fit(X, y, sample_weight=np.ones(200))
    assert model.feature_names_in_.tolist() == list("abcde")
    assert np.corrcoef(model.predict(X), X["a"] - X["b"])[0, 1] > 0.9


def test_pretraining_with_other_rows_gives_another_network(digits):
    X, other_X, y, _ = digits
    model = kohort.DenseClassifier(pretrain="autoencoder", **_COMMON)
    alone = model.fit(X[:50], y[:50]).predict_proba(other_X)
    more = model.fit(X[:50], y[:50], X_unlabeled=X[50:]).predict_proba(other_X)
    assert not np.allclose(alone, more)


@pytest.mark.usefixtures("on_xla")
def test_a_search_pretrains_as_a_cohort_and_keeps_solo_results(digits):
    X, _, y, _ = digits
    model = kohort.DenseClassifier(pretrain="denoising", **_COMMON | {"batch_size": 37})
    grid = {"learning_rate": [1e-3, 3e-3, 1e-2], "pretrain_noise": [0.1, 0.4]}
    search = kohort.GridSearchCV(model, grid, cv=3, refit=False, n_jobs=None)
    with compilations() as log:
        search.fit(X[:300], y[:300])
    assert sum(entry.kind == "train" for entry in log) == 2  # One autoencoder, one classifier.
    fold = next(iter(_folds(X[:300], y[:300])))
    alone = model.set_params(**search.cv_results_["params"][3]).fit(X[fold[0]], y[fold[0]])
    score = accuracy_score(y[fold[1]], alone.predict(X[fold[1]]))
    assert search.cv_results_["split0_test_score"][3] == pytest.approx(score)


def _folds(X, y):
    from sklearn.model_selection import StratifiedKFold

    return StratifiedKFold(3).split(X, y)


def test_an_ensemble_pretrains_each_network_from_its_own_seed(digits):
    X, _, y, _ = digits
    model = kohort.DenseClassifier(
        pretrain="autoencoder", n_networks=2, freeze_epochs=1, **_COMMON | {"epochs": 1}
    ).fit(X[:100], y[:100])
    first, second = model.networks_
    assert not np.array_equal(first.weights[0], second.weights[0])


def test_pretraining_of_a_linear_model_changes_nothing():
    X, y = load_iris(return_X_y=True)
    plain = {**_COMMON, "depth": 0, "width": 16}
    first = kohort.DenseClassifier(**plain).fit(X, y)
    second = kohort.DenseClassifier(pretrain="autoencoder", **plain).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


def test_unlabelled_rows_without_pretraining_are_refused(digits):
    X, _, y, _ = digits
    with pytest.raises(kohort.ParameterError, match=r"X_unlabeled.*pretrain"):
        kohort.DenseClassifier(**_COMMON).fit(X, y, X_unlabeled=X)


@pytest.mark.parametrize(
    ("kind", "y"),
    [(kohort.DenseClassifier, np.full(30, -1)), (kohort.DenseRegressor, np.full(30, np.nan))],
)
def test_no_label_at_all_is_one_clear_error(kind, y):
    with pytest.raises(kohort.DataError, match="label of at least one row"):
        kind(pretrain="layerwise", **_COMMON).fit(np.zeros((30, 2)), y)


def test_without_pretraining_minus_one_is_a_class_like_any_other(digits):
    X, _, y, _ = digits
    model = kohort.DenseClassifier(**_COMMON).fit(X, np.where(y > 4, 1, -1))
    assert model.classes_.tolist() == [-1, 1]


def test_unlabelled_rows_of_another_width_are_refused(digits):
    X, _, y, _ = digits
    with pytest.raises(ValueError, match="features"):
        kohort.DenseClassifier(pretrain="autoencoder", **_COMMON).fit(X, y, X_unlabeled=X[:, :3])

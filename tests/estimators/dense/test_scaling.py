"""Features and targets at the rim of what single precision holds."""

import keras
import numpy as np
import pytest
import scipy.sparse

import kohort

NETWORK = {"width": 8, "depth": 1, "epochs": 3, "random_state": 0}


@pytest.fixture(scope="module")
def plane():
    X = np.random.default_rng(0).normal(size=(777, 3))
    return X, X @ [1.0, -2.0, 0.5]


@pytest.mark.parametrize("constant", [1.0, 0.1, -3e9])
def test_another_value_in_a_column_that_was_constant_changes_nothing(constant, plane, tmp_path):
    X, y = plane
    table = np.column_stack([X, np.full(len(X), constant)])
    model = kohort.DenseRegressor(**NETWORK).fit(table, y)
    other = table.copy()
    other[:, 3] = np.linspace(-1e6, 1e6, len(X))
    expected = model.predict(table)
    np.testing.assert_array_equal(model.predict(other), expected)
    exported = model.to_keras().predict(other, verbose=0)[:, 0]
    np.testing.assert_allclose(exported, expected, atol=1e-5)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(kohort.load(tmp_path / "model").predict(other), expected)


def test_a_rare_flag_that_no_training_row_has_leaves_a_prediction_as_it_was(plane):
    X, y = plane
    flags = np.zeros((len(X), 5))
    flags[-5:] = np.eye(5)
    table = np.hstack([X, flags])
    model = kohort.DenseRegressor(**NETWORK).fit(table[:-5], y[:-5])
    bare = np.hstack([X, np.zeros((len(X), 5))])
    np.testing.assert_array_equal(model.predict(table[-5:]), model.predict(bare[-5:]))


@pytest.mark.parametrize(
    ("size", "offset"), [(1e200, 0), (1e-200, 0), (60.0, 1.76e9), (1e-3, 4.86e6)]
)
def test_neither_the_unit_nor_the_offset_of_y_costs_digits(size, offset, plane):
    X, y = plane
    y = np.round(y * 2**12) / 2**12  # Digits to spare for the offset.
    plain = kohort.DenseRegressor(**NETWORK).fit(X, y)
    moved = kohort.DenseRegressor(**NETWORK).fit(X, offset + size * y)
    predicted = moved.predict(X)
    assert predicted.dtype == np.float64
    rounding = np.spacing(np.abs(predicted).max()) / size
    np.testing.assert_allclose(
        (predicted - offset) / size, plain.predict(X), rtol=1e-4, atol=1e-4 + 4 * rounding
    )


@pytest.mark.parametrize(("size", "offset"), [(1e200, 0), (1e-200, 0), (60.0, 1.76e9)])
def test_neither_the_unit_nor_the_offset_of_x_costs_digits(size, offset, plane):
    X, y = plane
    X = np.round(X * 2**12) / 2**12
    plain = kohort.DenseRegressor(**NETWORK).fit(X, y)
    moved = kohort.DenseRegressor(**NETWORK).fit(offset + size * X, y)
    np.testing.assert_allclose(
        moved.predict(offset + size * X), plain.predict(X), rtol=1e-3, atol=1e-3
    )


def test_a_spread_is_exact_beside_a_large_offset_and_for_large_numbers(plane):
    X, y = plane
    network = {**NETWORK, "n_networks": 2}
    expected = kohort.DenseRegressor(**network).fit(X, y).predict(X, return_std=True)[1]
    for size, offset in ((1e200, 0), (60.0, 1.76e9)):
        model = kohort.DenseRegressor(**network).fit(X, offset + size * y)
        spread = model.predict(X, return_std=True)[1]
        assert spread.dtype == np.float64
        np.testing.assert_allclose(spread / size, expected, rtol=1e-2, atol=1e-4)


def test_probabilities_are_of_double_precision_and_sum_to_one(plane):
    X, y = plane
    for classes in (2, 3):
        labels = np.digitize(y, [0, 1][: classes - 1])
        proba = kohort.DenseClassifier(**NETWORK).fit(X, labels).predict_proba(X)
        assert proba.dtype == np.float64
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-14)


@pytest.mark.parametrize("wrong", ["X", "y"])
def test_without_standardisation_a_value_beyond_single_precision_is_refused(wrong, plane):
    X, y = (part * (1e200 if name == wrong else 1) for part, name in zip(plane, "Xy", strict=True))
    with pytest.raises(kohort.DataError, match=r"too large for float32.*standardize=True"):
        kohort.DenseRegressor(**NETWORK, standardize=False).fit(X, y)


def test_an_export_that_could_not_hold_the_data_s_unit_is_refused(plane):
    X, y = plane
    model = kohort.DenseRegressor(**NETWORK).fit(X, 1e200 * y)
    with pytest.raises(kohort.DataError, match=r"too large for a Keras model.*float32"):
        model.to_keras()


@pytest.fixture(scope="module")
def heavy():
    """A number with outliers, a rare flag, a common one, and a constant 1."""
    generator = np.random.default_rng(2)
    X = np.column_stack([
        generator.standard_t(1.1, 400), generator.random(400) < 0.02, generator.random(400) < 0.5,
        np.ones(400),
    ]).astype(float)  # fmt: skip
    return X, np.tanh(X[:, 0]) + 3 * X[:, 1] + X[:, 2]


def _scaled_by_hand(X, clip, scale_binary):
    z = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), np.inf)
    z = z if clip is None else z / np.sqrt(1 + (z / clip) ** 2)
    if not scale_binary:
        z[:, 1:3] = X[:, 1:3]
    return z


@pytest.mark.parametrize("clip", [None, 0.7, 3.0])
@pytest.mark.parametrize("scale_binary", [True, False])
def test_features_are_scaled_as_written_however_they_are_given(clip, scale_binary, heavy, tmp_path):
    """Training on features that were scaled by hand gives the same network."""
    X, y = heavy
    options = {**NETWORK, "input_clip": clip, "scale_binary": scale_binary}
    model = kohort.DenseRegressor(**options).fit(X, y)
    z = _scaled_by_hand(X, clip, scale_binary)
    t = (y - y.mean()) / y.std()
    by_hand = kohort.DenseRegressor(**NETWORK, standardize=False).fit(z, t)
    expected = by_hand.predict(z) * y.std() + y.mean()
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-4)
    sparse = kohort.DenseRegressor(**options).fit(scipy.sparse.csr_array(X), y)
    np.testing.assert_allclose(sparse.predict(X), model.predict(X), rtol=1e-4, atol=1e-4)
    far = X.copy()
    far[:3, 0] = [1e9, -1e30, 0.0]
    exported = model.to_keras()
    exported.save(tmp_path / "model.keras")
    for network in (exported, keras.models.load_model(tmp_path / "model.keras")):
        np.testing.assert_allclose(
            network.predict(far[3:] if clip is None else far, verbose=0)[:, 0],
            model.predict(far[3:] if clip is None else far), rtol=1e-4, atol=1e-4,
        )  # fmt: skip
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(kohort.load(tmp_path / "model").predict(X), model.predict(X))


def test_an_outlier_does_not_take_the_prediction_with_it(heavy):
    X, y = heavy
    model = kohort.DenseRegressor(random_state=0, epochs=20).fit(X, y)
    far = X.copy()
    far[:, 0] = 1e12
    predicted = model.predict(far)
    assert predicted.min() > y.min() - 2 * y.std()
    assert predicted.max() < y.max() + 2 * y.std()

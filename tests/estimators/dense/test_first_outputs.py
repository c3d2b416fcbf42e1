"""Where an untrained network starts: with the constant that fits the training rows best."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import kohort

UNTRAINED = {"epochs": 1, "learning_rate": 1e-12, "random_state": 0, "early_stopping": False}


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 3))
    return X, generator.gamma(2.0, 50.0, 200) + X[:, 0]


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    ("loss", "wanted"),
    [("mse", np.mean), ("poisson", np.mean), ("mae", np.median),
     ("quantile", lambda y: np.quantile(y, 0.9, method="inverted_cdf"))],
)  # fmt: skip
def test_a_regressor_starts_at_its_target(loss, wanted, standardize, table):
    X, y = table
    model = kohort.DenseRegressor(**UNTRAINED, loss=loss, quantile=0.9, standardize=standardize)
    predicted = model.fit(X, y).predict(X)
    expected = np.sort(y)[99] if loss == "mae" else wanted(y)
    np.testing.assert_allclose(predicted, expected, rtol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier_starts_at_the_shares_of_its_classes(classes, table):
    X, y = table
    labels = np.digitize(y, [60, 120][: classes - 1])
    shares = 0.999 * np.bincount(labels) / len(labels) + 0.001 / classes
    model = kohort.DenseClassifier(**UNTRAINED).fit(X, labels)
    np.testing.assert_allclose(model.predict_proba(X)[7], shares, rtol=1e-5)
    balanced = kohort.DenseClassifier(**UNTRAINED, class_weight="balanced").fit(X, labels)
    np.testing.assert_allclose(balanced.predict_proba(X)[7], 1 / classes, rtol=1e-5)


def test_each_label_of_several_has_its_own(table):
    X, y = table
    labels = np.column_stack([y > 50, y > 150]).astype(int)
    model = kohort.DenseClassifier(**UNTRAINED).fit(X, labels)
    shares = 0.999 * labels.mean(axis=0) + 0.0005
    np.testing.assert_allclose(model.predict_proba(X)[3], shares, rtol=1e-5)


def test_rows_that_validate_say_nothing_of_it(table):
    X, y = table
    model = kohort.DenseRegressor(**UNTRAINED).fit(X, y, validation_data=(X, y + 1000))
    np.testing.assert_allclose(model.predict(X), y.mean(), rtol=1e-5)


def test_the_start_of_before_is_still_to_be_had(table):
    X, y = table
    before = {"output_initializer": "auto", "output_bias": "zeros"}
    model = kohort.DenseRegressor(**UNTRAINED, **before).fit(X, y)
    kernel, bias = model.weights_[-2:]
    assert np.abs(kernel).max() > 0.05
    assert np.abs(bias).max() < 1e-9
    assert model.recipe_.output_initializer == "glorot_uniform"


def test_a_network_that_starts_flat_learns_all_the_same(table):
    """Without hidden layers it is the logistic regression that scikit-learn finds."""
    X, y = table
    labels = (X @ [1.0, -2.0, 0.5] + 3 * np.sin(y) > 0).astype(int)
    model = kohort.DenseClassifier(
        depth=0, epochs=300, learning_rate=0.05, early_stopping=False, random_state=0,
        batch_size=200, input_clip=None,
    ).fit(X, labels)  # fmt: skip
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = LogisticRegression(C=np.inf, max_iter=1000).fit(Z, labels).predict_proba(Z)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=0.02)

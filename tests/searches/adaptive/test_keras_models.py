"""Keras models and images pause at rungs as dense networks do."""

import keras
import numpy as np
import pytest
from scipy.stats import loguniform

import kohort

X = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32)
Y = X[:, 0] - X[:, 1] ** 2


def build(rate=0.01):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu")])
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model


def test_a_keras_model_is_searched():
    stopping = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model = kohort.KerasRegressor(
        build, epochs=9, random_state=0, validation_split=0.2, callbacks=[stopping], batch_size=16
    )
    with kohort.together() as cohort:
        search = kohort.AdaptiveSearchCV(
            model, {"model__rate": loguniform(1e-3, 1e-1)}, n_candidates=6, cv=2, min_epochs=1,
            random_state=0, refit=False,
        ).fit(X, Y)  # fmt: skip
        assert cohort.census().epochs == search.n_epochs_
    results = search.cv_results_
    assert results["rung"].max() == 2
    whole = np.flatnonzero(results["completed"])
    assert 0 < len(whole) < 6
    alone = kohort.RandomizedSearchCV(
        model, {"model__rate": [results["params"][whole[0]]["model__rate"]]}, n_iter=1, cv=2,
        refit=False,
    ).fit(X, Y)  # fmt: skip
    expected = alone.cv_results_["mean_test_score"][0]
    np.testing.assert_allclose(results["mean_test_score"][whole[0]], expected, rtol=1e-5)


@pytest.mark.rest
def test_images_are_searched():
    pixels = np.random.default_rng(1).integers(0, 255, (30, 8, 8, 1)).astype(np.uint8)
    model = kohort.ConvClassifier(epochs=4, width=2, depth=1, random_state=0)
    search = kohort.AdaptiveSearchCV(
        model, {"learning_rate": loguniform(1e-3, 1e-1)}, n_candidates=6, cv=2, min_epochs=1,
        reduction_factor=2, random_state=0,
    ).fit(pixels, np.arange(30) % 2)  # fmt: skip
    assert search.n_epochs_ < 6 * 2 * 4
    assert search.predict(pixels).shape == (30,)

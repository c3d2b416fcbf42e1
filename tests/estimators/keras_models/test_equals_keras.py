"""Oracle: Keras's own `fit`, from the same weights, on the same batches."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

import kohort

pytestmark = pytest.mark.optimised


@pytest.fixture(scope="module", params=["chain", "wide and deep", "batch norm", "subclassed"])
def both(request, models, rows):
    X, y, weight = rows
    weight = weight / weight.mean()
    estimator = kohort.KerasRegressor(
        models[request.param], epochs=10, shuffle=False, random_state=0
    )
    other = clone(estimator).initialize(X, y).model_
    history = other.fit(
        X, y[:, None], sample_weight=weight, batch_size=32, epochs=10, shuffle=False, verbose=0,
        validation_data=(X[:40], y[:40, None]),
    )  # fmt: skip
    fitted = clone(estimator).fit(X, y, sample_weight=weight, validation_data=(X[:40], y[:40]))
    mine = fitted.model_.get_weights(), fitted.history_
    theirs = other.get_weights(), history.history
    return mine, theirs


def test_weights_after_50_steps_are_keras_s(both):
    (mine, _), (theirs, _) = both
    for ours, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-5)


def test_history_is_keras_s(both):
    (_, mine), (_, theirs) = both
    assert set(mine) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(mine[name], values, rtol=2e-5)


@pytest.mark.parametrize("kind", ["constraints and schedule", "moving average"])
def test_optimizers_state_of_its_own_kind(kind, models, rows):
    X, y, _ = rows
    estimator = kohort.KerasRegressor(models[kind], epochs=10, shuffle=False, random_state=0)
    start = clone(estimator).initialize(X, y).model_
    start.fit(X, y[:, None], epochs=10, batch_size=32, shuffle=False, verbose=0)
    fitted = clone(estimator).fit(X, y)
    for ours, other in zip(fitted.model_.get_weights(), start.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-5)


OPTIMIZERS = [
    keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, clipvalue=0.1),
    keras.optimizers.Adagrad(0.05),
    keras.optimizers.Adadelta(0.5),
    keras.optimizers.Adamax(0.01),
    keras.optimizers.Adam(0.01, amsgrad=True, global_clipnorm=0.3),
    keras.optimizers.Ftrl(0.05),
    keras.optimizers.Lion(0.001),
    keras.optimizers.Adafactor(0.01),
    keras.optimizers.Lamb(0.01),
    keras.optimizers.Muon(0.01),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
def test_every_optimizer_steps_as_keras_s(optimizer, models, rows):
    X, y, _ = rows

    def build():
        fresh = type(optimizer).from_config(optimizer.get_config())
        return models["chain"](width=19, optimizer=fresh)

    estimator = kohort.KerasRegressor(build, epochs=4, shuffle=False, random_state=0)
    other = clone(estimator).initialize(X, y).model_
    other.fit(X, y[:, None], epochs=4, batch_size=32, shuffle=False, verbose=0)
    fitted = clone(estimator).fit(X, y)
    for ours, theirs in zip(fitted.model_.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_predictions_are_the_model_s_own(models, rows):
    X, y, _ = rows
    for build in models.values():
        fitted = kohort.KerasRegressor(build, epochs=2, random_state=0).fit(X, y)
        own = fitted.model_.predict(X, verbose=0)[:, 0]
        np.testing.assert_allclose(fitted.predict(X), own, rtol=1e-5, atol=1e-6)


def test_a_cohort_gives_what_each_gives_alone(models, rows):
    X, y, _ = rows
    from sklearn.model_selection import GridSearchCV

    grid = {"width": [3, 17, 20], "depth": [1, 2], "rate": [0.001, 0.01]}
    search = GridSearchCV(
        kohort.KerasRegressor(models["chain"], epochs=3, random_state=0), grid, cv=2
    )
    with kohort.together():
        together = clone(search).fit(X, y).cv_results_["mean_test_score"]
    alone = clone(search).fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_dropout_draws_anew_at_each_step_and_from_the_seed(rows):
    X, y, _ = rows

    def build(rate=0.5):
        layers = [keras.layers.Dense(16, "relu"), keras.layers.Dropout(rate)]
        model = keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    def losses(**options):
        estimator = kohort.KerasRegressor(build, epochs=3, **options)
        return estimator.fit(X, y).history_["loss"]

    assert losses(random_state=1) == losses(random_state=1)
    assert losses(random_state=1) != losses(random_state=2)
    assert losses(random_state=1) != losses(random_state=1, rate=0.0)

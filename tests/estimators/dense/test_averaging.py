"""`ema_momentum="auto"`: an average of the weights that a short training does not lag behind."""

import numpy as np
import pytest

import kohort
from kohort.errors import ParameterError
from kohort.recipe.averaging import momentum_for

X = np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32)
Y = X[:, 0] - np.sin(X[:, 1])
SMALL = {"width": 8, "depth": 1, "random_state": 0}


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, 3 * 100),  # 81 rows are trained on.
        ({"epochs": 7}, 3 * 7),
        ({"epochs": 7, "batch_size": 5}, 17 * 7),
        ({"epochs": 30, "batch_size": 500}, 30),
        ({"epochs": 40, "early_stopping": False, "batch_size": 45}, 2 * 40),
    ],
)
def test_auto_follows_from_the_steps_of_the_whole_training(options, steps):
    model = kohort.DenseRegressor(**SMALL, **options).fit(X, Y)
    assert model.ema_momentum == "auto"
    assert model.recipe_.ema_momentum == momentum_for(steps)
    said = kohort.DenseRegressor(**SMALL, **options, ema_momentum=momentum_for(steps)).fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), said.predict(X))
    assert model.to_keras().optimizer.ema_momentum == momentum_for(steps)


def test_auto_follows_a_batch_size_that_is_measured():
    model = kohort.DenseRegressor(**SMALL, epochs=50, batch_size="auto").fit(X, Y)
    steps = -(-81 // model.batch_size_plan_.batch_size) * 50
    assert model.recipe_.ema_momentum == momentum_for(steps)


def test_a_training_of_a_few_steps_is_the_plain_one():
    options = {**SMALL, "epochs": 6, "early_stopping": False}
    models = [kohort.DenseRegressor(**options, **more) for more in ({}, {"ema_momentum": None})]
    ours, plain = (model.fit(X, Y).predict(X) for model in models)
    np.testing.assert_array_equal(ours, plain)
    lagging = kohort.DenseRegressor(**options, ema_momentum=0.98).fit(X, Y)
    assert np.abs(lagging.predict(X) - Y).mean() > np.abs(ours - Y).mean()


@pytest.mark.rest
def test_pretraining_has_no_average_that_nobody_asked_for():
    options = {**SMALL, "epochs": 1, "pretrain": "autoencoder", "learning_rate": 1e-12}
    ours, plain = (
        kohort.DenseRegressor(**options, **more).fit(X, Y) for more in ({}, {"ema_momentum": None})
    )
    np.testing.assert_array_equal(ours.weights_[0], plain.weights_[0])


def test_another_word_is_refused_and_a_saved_model_keeps_the_parameter(tmp_path):
    with pytest.raises(ParameterError, match="ema_momentum"):
        kohort.DenseRegressor(**SMALL, ema_momentum="fast").fit(X, Y)
    model = kohort.DenseRegressor(**SMALL, epochs=7).fit(X, Y)
    model.save(tmp_path / "model")
    loaded = kohort.load(tmp_path / "model")
    assert loaded.ema_momentum == "auto"
    assert loaded.recipe_ == model.recipe_

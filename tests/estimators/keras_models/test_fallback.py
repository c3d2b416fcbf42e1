"""Fits that a cohort cannot take train in Keras's own loop, with a warning that says why."""

import keras
import numpy as np
import pytest

import kohort

L = keras.layers


def sequential(*layers, loss="mse", **options):
    model = keras.Sequential([keras.Input((5,)), *layers, L.Dense(1)])
    model.compile("adam", loss, **options)
    return model


class OwnStep(keras.Model):
    """A model with a training step of its own."""

    def __init__(self):
        super().__init__()
        self.out = L.Dense(1)

    def call(self, x):
        return self.out(x)

    def train_step(self, *args, **options):
        return super().train_step(*args, **options)


def own_step():
    model = OwnStep()
    model.compile("adam", "mse")
    return model


class AddsLoss(L.Layer):
    def call(self, x):
        self.add_loss(0.1 * keras.ops.mean(x**2))
        return x


class AcrossRows(L.Layer):
    """Centres a batch by its own mean."""

    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


def mean_error(y, predicted):
    return keras.ops.mean(keras.ops.square(y - predicted))


CASES = {
    "overrides `train_step`": own_step,
    "adds a loss": lambda: sequential(AddsLoss()),
    "activity regularizer": lambda: sequential(L.Dense(4, activity_regularizer="l2")),
    "loss 'mean_error' gives one value": lambda: sequential(loss=mean_error),
    "metric 'mean_error' gives one value": lambda: sequential(metrics=[mean_error]),
    "reduction 'sum'": lambda: sequential(loss=keras.losses.MeanSquaredError(reduction="sum")),
    "rows of a batch influence": lambda: sequential(AcrossRows()),
    "run_eagerly": lambda: sequential(run_eagerly=True),
    "normalises an axis": lambda: sequential(
        L.Reshape((1, 5)), L.BatchNormalization(axis=1), L.Flatten()
    ),
}


@pytest.mark.parametrize("reason", CASES)
def test_models_that_keras_must_train(reason, rows):
    X, y, weight = rows
    estimator = kohort.KerasRegressor(CASES[reason], epochs=3, random_state=0)
    with pytest.warns(kohort.KerasLoopWarning, match=reason) as caught:
        estimator.fit(X, y, sample_weight=weight)
    assert len([w for w in caught if w.category is kohort.KerasLoopWarning]) == 1
    assert len(estimator.history_["loss"]) == 3
    own = estimator.model_.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(estimator.predict(X), own, rtol=1e-5)


def test_a_loss_that_compares_the_rows_of_a_batch(rows):
    X, y, _ = rows

    def build():
        model = keras.Sequential([keras.Input((5,)), L.Dense(2), L.UnitNormalization()])
        model.compile("sgd", "circle")
        return model

    with pytest.warns(kohort.KerasLoopWarning, match="compares the rows of a batch"):
        kohort.KerasClassifier(build, random_state=0).fit(X, (y > 0.5).astype(int))


class HearsBatches(keras.callbacks.Callback):
    heard = 0

    def on_train_batch_end(self, batch, logs=None):
        self.heard += 1


def test_a_callback_that_hears_of_batches(models, rows):
    X, y, _ = rows
    callback = HearsBatches()
    estimator = kohort.KerasRegressor(models["chain"], callbacks=[callback], random_state=0)
    with pytest.warns(kohort.KerasLoopWarning, match="HearsBatches hears of batches"):
        estimator.fit(X, y)
    assert callback.heard == 5


def test_arguments_of_keras_s_own_loop(models, rows):
    X, y, _ = rows
    estimator = kohort.KerasRegressor(models["chain"], epochs=2, fit__steps_per_epoch=2)
    with pytest.warns(kohort.KerasLoopWarning, match="steps_per_epoch=2"):
        estimator.fit(X, y)
    assert len(estimator.history_["loss"]) == 2


def test_the_rest_of_a_search_stays_in_the_cohort(models, rows):
    X, y, _ = rows
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(
        kohort.KerasRegressor(models["chain"], random_state=0),
        {"model": [models["chain"], CASES["adds a loss"]]},
        cv=2,
    )
    with pytest.warns(kohort.KerasLoopWarning), kohort.together() as cohort:
        search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(cohort.record) in (2, 3)


def test_a_metric_with_a_value_for_each_class_trains_in_keras_s_loop():
    def build():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, "softmax")])
        model.compile("adam", "categorical_crossentropy", metrics=[keras.metrics.F1Score()])
        return model

    X = np.random.default_rng(0).normal(size=(30, 3))
    y = (X[:, 0] > 0) * 1 + (X[:, 1] > 0)
    model = kohort.KerasClassifier(build, epochs=2, validation_split=0.3, random_state=0)
    with pytest.warns(kohort.KerasLoopWarning, match="f1_score"):
        model.fit(X, y)
    assert np.shape(model.history_["val_f1_score"]) == (2, 3)

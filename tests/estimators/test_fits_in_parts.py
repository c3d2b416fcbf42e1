"""A fit that pauses leaves the estimator that `fit` leaves, and at each pause a usable one."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

import kohort
from kohort.engine.population import Runner

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = (X[:, 0] - X[:, 1] ** 2).astype(np.float32)
PIXELS = np.random.default_rng(1).integers(0, 255, (24, 6, 6, 1)).astype(np.uint8)


def build(meta):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "relu")])
    model.add(keras.layers.Dropout(0.2))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(0.02, use_ema=True), "mse", metrics=["mae"])
    return model


class Hears(keras.callbacks.Callback):
    """Counts what it hears."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def on_train_begin(self, logs=None):
        self.heard.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        self.heard.append(epoch)

    def on_train_end(self, logs=None):
        self.heard.append("end")


def stopping():
    return [
        keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True, start_from_epoch=2),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
    ]


DENSE = {"width": 8, "epochs": 6, "random_state": 0, "batch_size": 16}
ESTIMATORS = {
    "dense": (kohort.DenseRegressor(**DENSE, dropout=0.2, schedule="cosine"), X, Y),
    "early stopping": (
        kohort.DenseRegressor(**DENSE | {"epochs": 40}, learning_rate=0.03, patience=4), X, Y,
    ),
    "several networks": (kohort.DenseClassifier(**DENSE, n_networks=3, patience=3), X, Y > 0),
    "pretrained": (
        kohort.DenseRegressor(**DENSE, pretrain="autoencoder", pretrain_epochs=2), X, Y,
    ),
    "automatic rate": (kohort.DenseRegressor(**DENSE | {"learning_rate": "auto"}), X, Y),
    "keras": (kohort.KerasRegressor(build, epochs=6, random_state=0), X, Y),
    "keras with callbacks": (
        kohort.KerasRegressor(
            build, epochs=12, random_state=0, validation_split=0.2, callbacks=stopping()
        ), X, Y,
    ),
    "images": (kohort.ConvRegressor(epochs=6, width=2, depth=1, random_state=0), PIXELS, Y[:24]),
}  # fmt: skip


def assert_equal_fits(mine, other):
    assert (mine.status_, mine.n_epochs_, mine.best_epoch_) == (
        other.status_, other.n_epochs_, other.best_epoch_,
    )  # fmt: skip
    np.testing.assert_equal(dict(mine.history_), dict(other.history_))
    for one, two in zip(mine.weights_, other.weights_, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("together", [False, True])
def test_in_parts_and_at_once(name, together):
    model, x, y = ESTIMATORS[name]
    whole = clone(model).fit(x, y)
    fit = clone(model).begin(x, y)
    if together:
        with kohort.together() as cohort:
            paused = fit.train(2)
            assert fit.paused
            assert paused.status_ == cohort.record[-1].status == "paused"
            assert paused.n_epochs_ == 2
            assert np.isfinite(paused.predict(x).astype(float)).all()
            before = len(cohort.record)
            fit.train(3)
            parts = fit.train()
            assert len(cohort.record) == before
            assert cohort.record[-1].status == whole.status_
            assert cohort.census().epochs >= whole.n_epochs_
    else:
        for until in (1, 4):
            fit.train(until)
        parts = fit.train()
    assert not fit.paused
    assert_equal_fits(parts, whole)
    np.testing.assert_array_equal(parts.predict(x), whole.predict(x))


def test_a_pause_is_as_if_training_had_ended_here():
    early = {"early_stopping": True, "patience": 9, "learning_rate": 0.05, "ema_momentum": None}
    paused = kohort.DenseRegressor(**DENSE | early).begin(X, Y).train(4)
    short = kohort.DenseRegressor(**DENSE | early | {"epochs": 4}).fit(X, Y)
    for one, two in zip(paused.weights_, short.weights_, strict=True):
        np.testing.assert_array_equal(one, two)


def test_keras_s_early_stopping_gives_its_best_weights_at_a_pause_too():
    def model(epochs):
        return kohort.KerasRegressor(
            build, epochs=epochs, random_state=0, validation_split=0.2, optimizer="sgd",
            optimizer__learning_rate=0.5,
            callbacks=[keras.callbacks.EarlyStopping(patience=9, restore_best_weights=True)],
        )  # fmt: skip

    paused, short = model(9).begin(X, Y).train(5), model(5).fit(X, Y)
    assert short.best_epoch_ == paused.best_epoch_
    for one, two in zip(paused.weights_, short.weights_, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("pruned", [False, True])
def test_callbacks_hear_of_one_training(pruned):
    hears = Hears()
    model = kohort.KerasRegressor(build, epochs=4, random_state=0, callbacks=[hears])
    fit = model.begin(X, Y)
    fit.train(2)
    assert hears.heard == ["begin", 0, 1]
    if not pruned:
        fit.train()
    fit.close()
    assert hears.heard == ["begin", 0, 1, *([] if pruned else [2, 3]), "end"]


def test_a_fit_of_a_closed_one_predicts_on():
    fit = kohort.DenseRegressor(**DENSE).begin(X, Y)
    paused = fit.train(2)
    before = paused.predict(X)
    fit.close()
    assert not fit.paused
    np.testing.assert_array_equal(paused.predict(X), before)


def test_a_paused_fit_is_saved(tmp_path):
    paused = kohort.DenseRegressor(**DENSE, n_networks=2).begin(X, Y).train(2)
    paused.save(tmp_path / "model.kohort")
    loaded = kohort.load(tmp_path / "model.kohort")
    assert (loaded.status_, loaded.n_epochs_) == ("paused", 2)
    np.testing.assert_array_equal(loaded.predict(X), paused.predict(X))


def test_only_the_paused_of_several_networks_train_on(monkeypatch):
    entered = []
    admit = Runner._admit

    def counting(runner):
        before = set(map(id, runner._fits))
        admit(runner)
        entered.extend(fit for fit in runner._fits if fit is not None and id(fit) not in before)

    monkeypatch.setattr(Runner, "_admit", counting)
    changes = {
        "epochs": 40, "learning_rate": 0.03, "n_networks": 4, "patience": 2, "ema_momentum": None,
    }  # fmt: skip
    model = kohort.DenseRegressor(**DENSE | changes)
    fit = model.begin(X, Y)
    fit.train(8)
    ended = [outcome.status != "paused" for outcome in fit._outcomes]
    assert 0 < sum(ended) < 4
    fit.train()
    assert len(entered) == 4 + 4 - sum(ended)


def test_who_cannot_pause_says_so():
    class EachBatch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    model = kohort.KerasRegressor(build, epochs=2, callbacks=[EachBatch()])
    with pytest.raises(kohort.ParameterError, match=r"Keras's own loop: .* Set pruner=None"):
        model.begin(X, Y)

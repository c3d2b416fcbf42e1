"""Keras's callbacks have their effect in a cohort, per member; a user's own run at epoch ends."""

import csv
import time
from contextlib import nullcontext

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

import kohort

C = keras.callbacks


def fitted(models, rows, callbacks, epochs=12, **options):
    X, y, _ = rows
    estimator = kohort.KerasRegressor(
        models["chain"], epochs=epochs, callbacks=callbacks, random_state=0, **options
    )
    return estimator.fit(X, y, validation_data=(X[:40], y[:40]))


def test_early_stopping_stops_and_restores_the_best_weights(models, rows):
    X, y, _ = rows
    stopping = C.EarlyStopping(patience=2, min_delta=0.02, restore_best_weights=True)
    model = fitted(models, rows, [stopping], epochs=100)
    losses = model.history_["val_loss"]
    assert len(losses) < 100
    best = int(np.argmin(losses[: stopping.best_epoch + 1]))
    mse = np.mean((model.predict(X[:40]) - y[:40]) ** 2)
    assert mse == pytest.approx(losses[stopping.best_epoch], rel=1e-4)
    assert best == stopping.best_epoch
    plain = fitted(models, rows, [C.EarlyStopping(patience=2, min_delta=0.02)], epochs=100)
    last = np.mean((plain.predict(X[:40]) - y[:40]) ** 2)
    assert last == pytest.approx(plain.history_["val_loss"][-1], rel=1e-4)


def test_rates_of_callbacks_are_trained_with(models, rows):
    X, y, _ = rows
    schedule = C.LearningRateScheduler(lambda epoch: 0.02 * 0.5**epoch)
    estimator = kohort.KerasRegressor(
        models["chain"], epochs=6, shuffle=False, callbacks=[schedule], random_state=0
    )
    model = clone(estimator).fit(X, y)
    np.testing.assert_allclose(model.history_["learning_rate"], 0.02 * 0.5 ** np.arange(6))
    other = clone(estimator).initialize(X, y).model_
    other.fit(X, y[:, None], epochs=6, shuffle=False, verbose=0, callbacks=[schedule])
    for ours, theirs in zip(model.model_.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    plateau = C.ReduceLROnPlateau(patience=0, min_delta=10.0, factor=0.5)
    rates = fitted(models, rows, [plateau], epochs=4).history_["learning_rate"]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.005, 0.0025])


def test_files_of_callbacks_hold_what_was_trained(models, rows, tmp_path):
    checkpoint = C.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True)
    log = C.CSVLogger(str(tmp_path / "log.csv"))
    model = fitted(models, rows, [checkpoint, log], epochs=3)
    saved = models["chain"]()
    saved.optimizer.build(saved.trainable_variables)
    saved.load_weights(tmp_path / "3.weights.h5")
    for ours, theirs in zip(model.model_.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with (tmp_path / "log.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(losses, model.history_["loss"])


def test_an_interrupted_fit_goes_on_from_its_backup(models, rows, tmp_path):
    X, y, _ = rows

    class Interrupt(C.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise RuntimeError("power cut")

    def model(*callbacks):
        backup = C.BackupAndRestore(tmp_path / "backup")
        return kohort.KerasRegressor(
            models["chain"], epochs=6, shuffle=False, callbacks=[backup, *callbacks], random_state=0
        )

    with pytest.raises(RuntimeError, match="power cut"):
        model(Interrupt()).fit(X, y)
    went_on = model().fit(X, y)
    assert len(went_on.history_["loss"]) == 3
    whole = kohort.KerasRegressor(models["chain"], epochs=6, shuffle=False, random_state=0)
    whole.fit(X, y)
    for ours, theirs in zip(went_on.weights_, whole.weights_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_callback_of_ones_own_reads_and_writes_each_member_s_weights(models, rows):
    X, y, _ = rows

    class Freeze(C.Callback):
        """Puts the first weights back at each end of an epoch."""

        def on_train_begin(self, logs=None):
            self.first = self.model.get_weights()
            self.seen = []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(self.model.get_weights()[0].copy())
            self.model.set_weights(self.first)

    callback = Freeze()
    model = fitted(models, rows, [callback], epochs=3)
    for ours, first in zip(model.model_.get_weights(), callback.first, strict=True):
        np.testing.assert_array_equal(ours, first)
    assert not np.array_equal(callback.seen[0], callback.first[0])
    grid = {"rate": [0.001, 0.003, 0.01], "width": [3, 20]}
    with kohort.together():
        search = GridSearchCV(clone(model), grid, cv=2, return_train_score=True).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_classes_of_callbacks_take_parameters(models, rows):
    model = fitted(
        models, rows, C.EarlyStopping, epochs=50, callbacks__patience=0, callbacks__min_delta=1.0
    )
    assert model.n_epochs_ < 10


def test_a_rate_of_zero_trains_nothing_until_a_callback_raises_it(models, rows):
    X, y, _ = rows
    still = kohort.KerasRegressor(models["chain"], rate=0.0, epochs=2, random_state=0).fit(X, y)
    start = kohort.KerasRegressor(models["chain"], rate=0.0, random_state=0).initialize(X, y)
    for ours, theirs in zip(still.model_.get_weights(), start.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    schedule = C.LearningRateScheduler(lambda epoch: 0.02 * (epoch > 1))
    model = kohort.KerasRegressor(models["chain"], epochs=4, callbacks=[schedule], random_state=0)
    losses = model.fit(X, y).history_["loss"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[3] < losses[0]


def test_nan_terminates(models, rows):
    X, y, _ = rows
    model = kohort.KerasRegressor(models["chain"], rate=1e20, callbacks=[C.TerminateOnNaN()])
    with pytest.raises(kohort.DivergedError, match="NaN or infinite"):
        model.fit(X, y)


@pytest.mark.parametrize("own_loop", [False, True])
def test_tensorboard_shows_what_was_trained(models, rows, tmp_path, own_loop):
    board = C.TensorBoard(str(tmp_path / "logs"), histogram_freq=1)
    others = [Hearer()] if own_loop else []
    with pytest.warns(kohort.KerasLoopWarning) if own_loop else nullcontext():
        model = fitted(models, rows, [board, *others], epochs=3)
    events = EventAccumulator(str(tmp_path / "logs/train"), {"tensors": 0}).Reload()
    assert {"epoch_loss", "keras"} < set(events.Tags()["tensors"])
    assert any("kernel/histogram" in tag for tag in events.Tags()["tensors"])
    for folder, name in (("train", "loss"), ("validation", "val_loss")):
        events = EventAccumulator(str(tmp_path / "logs" / folder), {"tensors": 0}).Reload()
        written = events.Tensors("epoch_loss")
        assert [event.step for event in written] == [0, 1, 2]
        losses = [make_ndarray(event.tensor_proto).item() for event in written]
        np.testing.assert_allclose(losses, model.history_[name], rtol=1e-6)


def test_tensorboard_images_need_tensorflow(models, rows, tmp_path):
    with pytest.raises(ImportError, match=r"write_images=True.* pip install tensorflow-cpu"):
        fitted(models, rows, [C.TensorBoard(str(tmp_path), write_images=True)], epochs=1)


def test_tensorboard_follows_batches_in_keras_loop(models, rows, tmp_path):
    board = C.TensorBoard(str(tmp_path), update_freq=3)
    with pytest.warns(kohort.KerasLoopWarning, match="TensorBoard"):
        model = fitted(models, rows, [board], epochs=2)
    steps = 2 * -(-len(rows[0]) // model.batch_size)
    events = EventAccumulator(str(tmp_path / "train"), {"tensors": 0}).Reload()
    written = [event.step for event in events.Tensors("batch_loss")]
    assert written == list(range(3, steps + 1, 3))


class Hearer(C.Callback):
    """Wants to hear of every batch."""

    def on_train_batch_end(self, batch, logs=None):
        pass


class SlowStart(C.Callback):
    """Lets the fits of other threads begin before this one goes on."""

    def on_epoch_begin(self, epoch, logs=None):
        time.sleep(0.01)


@pytest.mark.parametrize("pool", ["cohort", "threads"])
def test_a_callback_given_to_a_search_hears_of_each_fit_as_if_it_were_alone(pool):
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = X[:, 0]

    def build():
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

    def scores(block, jobs=None):
        model = kohort.KerasRegressor(build, loss="mse", epochs=12, random_state=0)
        stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=0.05, patience=1)
        grid = {"optimizer__learning_rate": [1e-5, 0.02, 0.1]}
        search = GridSearchCV(model, grid, cv=2, refit=False, n_jobs=jobs, error_score="raise")
        with block:
            search.fit(X, y, callbacks=[stop, SlowStart()])
        return search.cv_results_["mean_test_score"]

    outside = scores(nullcontext())
    if pool == "cohort":
        inside = scores(kohort.together())
    else:
        inside = scores(joblib.parallel_config("threading"), jobs=3)
    np.testing.assert_allclose(inside, outside, rtol=1e-4)

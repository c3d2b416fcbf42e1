"""How a Keras estimator's fit ended, in a cohort and in Keras's own loop."""

import warnings

import keras
import numpy as np
import pytest

import kohort

L = keras.layers
X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
LOOPS = ["cohort", "Keras"]


def build(rate=0.01, loop="cohort"):
    model = keras.Sequential([keras.Input((3,)), L.Dense(1)])
    reduction = "sum" if loop == "Keras" else "sum_over_batch_size"
    loss = keras.losses.MeanSquaredError(reduction=reduction)
    model.compile(keras.optimizers.SGD(rate), loss)
    return model


class StopsAtTwo(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1


def fitted(loop, callbacks=(), **options):
    options = {"epochs": 6, "random_state": 0} | options
    model = kohort.KerasRegressor(build, loop=loop, callbacks=list(callbacks), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kohort.KerasLoopWarning)
        return model.fit(X, X[:, 0], validation_data=(X, X[:, 0]))


@pytest.mark.parametrize("loop", LOOPS)
def test_the_status_says_who_ended_it(loop):
    plain = fitted(loop)
    assert (plain.status_, plain.best_epoch_) == ("finished", 5)
    stopped = fitted(loop, [StopsAtTwo()])
    assert (stopped.status_, stopped.best_epoch_) == ("stopped_by_callback", 1)
    stopping = keras.callbacks.EarlyStopping("val_loss", min_delta=9e9, patience=2,
                                             restore_best_weights=True)  # fmt: skip
    early = fitted(loop, [stopping])
    assert (early.status_, early.best_epoch_, early.n_epochs_) == ("stopped_early", 0, 3)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("order", [1, -1])
def test_of_several_early_stoppings_any_ends_it_and_the_last_gives_its_weights_back(loop, order):
    watching, ending = (
        keras.callbacks.EarlyStopping("val_loss", delta, patience, restore_best_weights=True)
        for delta, patience in ((0, 9), (9e9, 2))
    )
    stoppings = [watching, ending][::order]
    model = fitted(loop, stoppings)
    assert (watching.best_epoch, ending.best_epoch) == (2, 0)
    assert (model.status_, model.best_epoch_) == ("stopped_early", stoppings[-1].best_epoch)
    weights = zip(model.model_.get_weights(), stoppings[-1].best_weights, strict=True)
    assert all(np.array_equal(*pair) for pair in weights)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loss_that_is_no_number_ends_in_an_error_with_its_remedy(loop):
    with pytest.raises(kohort.DivergedError, match=r"NaN or infinite in epoch .*clipnorm"):
        fitted(loop, rate=1e20)


@pytest.mark.parametrize("loop", LOOPS)
def test_early_stopping_gives_the_best_weights_before_a_divergence_back(loop):
    def rate(epoch, rate):
        return 1e25 if epoch == 2 else rate

    stopping = keras.callbacks.EarlyStopping("val_loss", restore_best_weights=True, patience=9)
    later = [stopping, keras.callbacks.LearningRateScheduler(rate)]
    with pytest.warns(kohort.DivergedWarning, match="The weights of epoch 2"):
        model = fitted(loop, later)
    assert (model.status_, model.best_epoch_) == ("diverged", 1)
    assert np.isfinite(model.predict(X)).all()


def test_a_record_says_that_early_stopping_ended_a_fit():
    stopping = keras.callbacks.EarlyStopping("val_loss", min_delta=9e9, patience=1)
    with kohort.together() as cohort:
        fitted("cohort", [stopping])
    assert [entry.status for entry in cohort.record] == ["stopped_early"]

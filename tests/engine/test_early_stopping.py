"""Early stopping decides as Keras's callback does, loss by loss."""

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.sampling import depth

from kohort.engine.fit import Fit

# Keras compares in float32, kohort in double precision: sixteenths are exact in both.
_SIXTEENTHS = st.integers(0, 64).map(lambda n: n / 16)
_SEQUENCES = st.lists(_SIXTEENTHS, min_size=1, max_size=25)


class _Model:
    """Just enough of a model for `keras.callbacks.EarlyStopping`; its weight is the epoch."""

    def __init__(self):
        self.stop_training = False
        self.weights = None

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def _keras_decides(losses, patience, min_delta, monitor):
    """Epochs run, the epoch whose weights are kept, and whether training was stopped."""
    callback = keras.callbacks.EarlyStopping(
        monitor, patience=patience, min_delta=min_delta, restore_best_weights=True
    )
    model = _Model()
    callback.set_model(model)
    callback.on_train_begin()
    run = 0
    for epoch, loss in enumerate(losses):
        model.weights = epoch
        callback.on_epoch_end(epoch, {monitor: loss})
        run = epoch + 1
        if model.stop_training:
            break
    callback.on_train_end()
    return run, model.weights, model.stop_training


def _kohort_decides(fit, losses, monitor):
    run, kept = 0, None
    for epoch, loss in enumerate(losses):
        logs = {"val_loss": loss}
        if monitor == "loss":
            fit.advance(np.full(fit.steps_per_epoch, loss), 64)
            logs = {}
        if fit.end_epoch(logs):
            kept = epoch
        run = epoch + 1
        if fit.done:
            break
    assert kept == fit.best_epoch
    return run, kept, fit.status == "stopped_early"


@settings(max_examples=depth(200))
@given(
    losses=_SEQUENCES,
    patience=st.integers(0, 6),
    min_delta=_SIXTEENTHS.map(lambda value: value / 4),
    monitor=st.sampled_from(["val_loss", "loss"]),
)
@example(losses=[1.0, 1.0, 1.0], patience=0, min_delta=0.0, monitor="val_loss")
@example(losses=[1.0, 0.5, 0.25], patience=1, min_delta=4.0, monitor="val_loss")
@example(losses=[1.0, 0.5, 0.5, 0.5], patience=2, min_delta=0.0, monitor="loss")
@example(losses=[0.0], patience=0, min_delta=0.0, monitor="loss")
def test_the_same_losses_stop_at_kerass_epoch_and_keep_its_weights(
    member, losses, patience, min_delta, monitor
):
    one = member(early_stopping=True, patience=patience, min_delta=min_delta, epochs=len(losses))
    expected = _keras_decides(losses, patience, min_delta, monitor)
    assert _kohort_decides(Fit(one), losses, monitor) == expected


def test_without_early_stopping_every_epoch_runs_and_the_last_weights_stay(member):
    fit = Fit(member(epochs=5, patience=0))
    improved = [fit.end_epoch({"val_loss": loss}) for loss in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert improved == [False] * 5
    assert (fit.status, fit.best_epoch, fit.epoch) == ("finished", 4, 5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_monitored_loss_that_is_not_finite_ends_the_fit(member, value):
    fit = Fit(member(early_stopping=True, epochs=9))
    assert fit.end_epoch({"val_loss": 1.0})
    assert not fit.end_epoch({"val_loss": value})
    assert fit.done
    assert fit.status == "diverged"
    assert "in epoch 2 " in fit.cause


def test_an_epochs_loss_is_the_mean_over_rows_not_over_batches(member):
    one = member(train=np.arange(10), batch_size=4)
    fit = Fit(one)
    assert fit.steps_per_epoch == 3
    fit.advance(np.array([1.0, 2.0]), 64)
    assert fit.remaining == 1
    fit.advance(np.array([7.0]), 64)
    fit.end_epoch({})
    assert fit.history["loss"] == [pytest.approx((4 * 1 + 4 * 2 + 2 * 7) / 10)]


@given(st.lists(st.floats(0, 1e3, width=32), min_size=1, max_size=40), st.integers(1, 7))
def test_a_long_call_adds_losses_up_as_its_chunks_would(member, table, losses, chunk):
    one = member(rows=table(4 * len(losses) - 1), batch_size=4)
    whole, parts = Fit(one), Fit(one)
    values = np.array(losses, np.float32)
    whole.advance(values, chunk)
    for start in range(0, len(values), chunk):
        parts.advance(values[start : start + chunk], chunk)
    for fit in (whole, parts):
        fit.end_epoch({})
    assert whole.history == parts.history


@given(
    size=st.integers(1, 60),
    batch=st.integers(1, 20),
    cuts=st.lists(st.integers(1, 5), min_size=1, max_size=60),
)
def test_chunks_of_any_length_visit_each_row_once_an_epoch_in_the_members_order(
    member, table, size, batch, cuts
):
    one = member(rows=table(60), train=np.arange(60)[::-1][:size], batch_size=batch, epochs=3)
    fit = Fit(one)
    for epoch in range(2):
        seen = []
        for cut in cuts * 60:
            steps = min(cut, fit.remaining)
            seen.extend(fit.upcoming(steps))
            fit.advance(np.ones(steps), 64)
            if not fit.remaining:
                break
        assert seen == list(one.order.epoch(epoch))
        assert sorted(seen) == sorted(one.train)
        fit.end_epoch({})
    assert not np.array_equal(one.order.epoch(0), one.order.epoch(1)) or size < 6


def test_a_callback_that_asks_for_the_end_is_not_taken_for_early_stopping(member):
    fit = Fit(member())
    fit.stop()
    assert fit.done
    assert fit.status == "stopped_by_callback"


def test_stopping_does_not_hide_a_divergence(member):
    fit = Fit(member())
    fit.advance(np.array([np.nan]), 64)
    fit.stop()
    assert fit.status == "diverged"

"""Fits with Keras's own callbacks, given back: the callbacks end as if they had heard of it all."""

import math
import random

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth

import kohort
from kohort.engine.content import NoContentError
from kohort.engine.store import MemoryStore
from kohort.estimators.keras_models.pure_functions import content_of

C = keras.callbacks
pytestmark = pytest.mark.timeout(120)

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = (X[:, 0] ** 2).astype(np.float32)


def build():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(6, "relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


def fitted(store, make, epochs=8):
    """A fitted model, what its callbacks are, and how many fits were found."""
    callbacks = make()
    model = kohort.KerasRegressor(
        build, epochs=epochs, callbacks=callbacks, validation_split=0.25, random_state=0
    )
    with kohort.together(store=store, progress=False) as cohort:
        model.fit(X, Y)
    return model, callbacks, cohort.census().found


def said(callback):
    """Attributes that a user may look at."""
    return {name: repr(value) for name, value in vars(callback).items() if name != "schedule"}


STOPPING = st.builds(
    C.EarlyStopping,
    monitor=st.sampled_from(["val_loss", "loss", "val_mae"]),
    patience=st.integers(0, 3),
    min_delta=st.sampled_from([0, 0.05]),
    restore_best_weights=st.booleans(),
    start_from_epoch=st.sampled_from([0, 2]),
)
PLATEAU = st.builds(
    C.ReduceLROnPlateau,
    monitor=st.sampled_from(["val_loss", "mae"]),
    factor=st.sampled_from([0.1, 0.5]),
    patience=st.integers(1, 2),
    min_delta=st.sampled_from([1e-4, 0.1]),
)
SCHEDULE = st.sampled_from([lambda epoch, rate: rate * 0.9, lambda epoch: 0.1 / (1 + epoch)])
OTHERS = st.one_of(
    PLATEAU, st.builds(C.LearningRateScheduler, SCHEDULE), st.builds(C.TerminateOnNaN)
)


@given(stopping=st.none() | STOPPING, others=st.lists(OTHERS, max_size=2))
@settings(max_examples=depth(6), deadline=None)
def test_what_is_given_back_is_what_was_trained_callbacks_included(stopping, others):
    import copy

    given_ = [*others, *([] if stopping is None else [stopping])]
    store, sides = MemoryStore(), []
    for _ in range(2):
        sides.append(fitted(store, lambda: [copy.deepcopy(one) for one in given_]))
    (first, heard, none), (again, replayed, found) = sides
    assert (none, found) == (0, 1)
    assert list(map(said, replayed)) == list(map(said, heard))
    assert again.history_ == first.history_
    np.testing.assert_array_equal(again.predict(X), first.predict(X))
    for one, other in zip(again.model_.variables, first.model_.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    rates = [float(side.model_.optimizer.learning_rate) for side in (first, again)]
    assert rates[0] == rates[1]


@pytest.mark.rest
def test_a_folder_keeps_what_early_stopping_put_aside(tmp_path):
    def make():
        return [C.EarlyStopping(patience=1, min_delta=0.5, restore_best_weights=True)]

    first, (heard,), _ = fitted(tmp_path, make, epochs=30)
    again, (replayed,), found = fitted(tmp_path, make, epochs=30)
    assert found == 1
    assert heard.stopped_epoch > heard.best_epoch
    for one, other in zip(replayed.best_weights, heard.best_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again.predict(X), first.predict(X))


CHANGES = {
    "monitor": {"monitor": "val_mae"},
    "patience": {"patience": 2},
    "min_delta": {"min_delta": 0.3},
    "mode": {"mode": "max"},
    "baseline": {"baseline": 0.1},
    "restore_best_weights": {"restore_best_weights": True},
    "start_from_epoch": {"start_from_epoch": 1},
}


@pytest.mark.rest
def test_each_setting_makes_another_fit():
    store = MemoryStore()
    for settings_ in [{}, *CHANGES.values()]:
        assert fitted(store, lambda s=settings_: [C.EarlyStopping(**s)], epochs=2)[2] == 0
    for settings_ in [{}, *CHANGES.values()]:
        assert fitted(store, lambda s=settings_: [C.EarlyStopping(**s)], epochs=2)[2] == 1


@pytest.mark.parametrize("restores", [False, True])
def test_fits_with_two_early_stoppings_are_trained_each_time(restores):
    def make():
        return [
            C.EarlyStopping(patience=3, restore_best_weights=restores),
            C.EarlyStopping(patience=1, min_delta=0.5, restore_best_weights=True),
        ]

    store = MemoryStore()
    (first, _, _), (again, _, found) = (fitted(store, make) for _ in range(2))
    assert found == len(store) == 0
    np.testing.assert_array_equal(again.predict(X), first.predict(X))


class Own(C.EarlyStopping):
    pass


def watched():
    callback = C.EarlyStopping()
    callback.on_epoch_end = lambda epoch, logs=None: None
    return callback


@pytest.mark.parametrize(
    "make",
    [
        Own,
        watched,
        lambda: C.LearningRateScheduler(lambda epoch: random.random()),
        lambda: C.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    ],
)
def test_callbacks_that_may_do_anything_hear_of_a_training_each_time(make):
    store = MemoryStore()
    assert [fitted(store, lambda: [make()], epochs=1)[2] for _ in range(2)] == [0, 0]
    assert len(store) == 0


FACTOR, LIST = 0.5, [1.0]


def halved(epoch):
    return FACTOR**epoch


def closed(factor, table=(1, 2)):
    return lambda epoch, rate: max(rate * factor, table[0] if epoch else math.exp(np.log(2.0)))


def test_functions_that_compute_alike_have_one_content():
    assert content_of(closed(0.5)) == content_of(closed(0.5))
    contents = [closed(0.5), closed(0.6), closed(0.5, (3,)), halved, lambda e: halved(e) + 1]
    assert len({repr(content_of(function)) for function in contents}) == len(contents)


def test_a_number_around_a_function_is_in_its_content(monkeypatch):
    before = content_of(halved)
    monkeypatch.setitem(globals(), "FACTOR", 0.25)
    assert content_of(halved) != before


def counting():
    count = 0

    def function(epoch):
        nonlocal count
        count += 1
        return count

    return function


def imports(epoch):
    import time

    return time.time()


@pytest.mark.parametrize(
    "function",
    [
        counting(),
        imports,
        lambda epoch: LIST.pop(),
        lambda epoch: random.random(),
        lambda epoch: np.random.normal(),
        lambda epoch: print(epoch),
        lambda epoch: np.load("rates.npy"),
        np.exp,
        print,
    ],
)
def test_functions_that_may_do_anything_have_none(function):
    with pytest.raises(NoContentError):
        content_of(function)

"""Failure is a value: a diverging member ends alone, with its epoch, its cause and a remedy."""

import math
import re

import numpy as np
import pytest

from kohort.engine.executors.local import train

_HUGE = 1e30


def _assert_same_bits(actual, expected):
    assert (actual.status, actual.best_epoch) == (expected.status, expected.best_epoch)
    assert actual.history == expected.history
    for a, e in zip(actual.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(a, e)


# Bits are compared as programs are compiled for users: in a hurry a loss once differed in its last.
@pytest.mark.rest
@pytest.mark.optimised
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("place", [0, 4, 9])
def test_a_diverging_neighbour_changes_no_bit_of_the_others(optimizer, place, member, table):
    fields = {
        "optimizer": optimizer, "epochs": 4, "early_stopping": True, "patience": 1,
        "dropout": 0.1, "l2": 0.001, "depth": 2,
    }  # fmt: skip
    validation = table(30, seed=9)
    healthy = [
        member(seed=seed, learning_rate=0.001 * (seed + 1), validation=validation, **fields)
        for seed in range(9)
    ]
    diverging = member(seed=99, learning_rate=_HUGE, validation=validation, **fields)
    expected = train(healthy, threads=1)
    mixed = train([*healthy[:place], diverging, *healthy[place:]], threads=1)
    lost = mixed.pop(place)
    assert lost.status == "diverged"
    for outcome, alone in zip(mixed, expected, strict=True):
        assert outcome.status != "diverged"
        _assert_same_bits(outcome, alone)


def test_a_loss_that_turns_nan_names_the_epoch_the_step_and_a_remedy(member):
    (outcome,) = train([member(learning_rate=_HUGE, optimizer="sgd")], threads=1)
    assert outcome.status == "diverged"
    assert outcome.weights is None
    assert outcome.epochs == 0
    # The first loss is computed before any update, so the second step is the first that can fail.
    found = re.search(r"in epoch (\d+) \(step (\d+) of the epoch\)", outcome.cause)
    assert found is not None
    assert found.groups() == ("1", "2")
    assert "learning_rate=1e+30" in outcome.cause
    assert "Lower learning_rate (try 1e+29)" in outcome.cause


def test_a_later_epoch_is_named_and_the_best_weights_before_it_are_kept(member, table):
    # Each step multiplies the error of a linear model by about -10, so that it overflows float32
    # after some twenty steps: in an epoch that the recorded history lets us count.
    rows = table(8)
    fields = {"optimizer": "sgd", "learning_rate": 5.0, "depth": 0, "epochs": 200}
    stopped = {"early_stopping": True, "patience": 200}
    plain, stopping = train(
        [member(rows=rows, **fields), member(rows=rows, **fields, **stopped)], threads=1
    )
    for outcome in (plain, stopping):
        assert outcome.status == "diverged"
        assert 3 < outcome.epochs < 200
        assert all(math.isfinite(loss) for loss in outcome.history["loss"])
        assert f"in epoch {outcome.epochs + 1} " in outcome.cause
    assert plain.weights is None
    assert stopping.best_epoch == int(np.argmin(stopping.history["loss"]))
    assert all(np.isfinite(variable).all() for variable in stopping.weights)


def test_a_validation_loss_that_is_not_finite_is_a_divergence(member, table):
    validation = table(10)
    validation.x[3] = np.inf
    (outcome,) = train([member(validation=validation)], threads=1)
    assert outcome.status == "diverged"
    assert "in epoch 1 " in outcome.cause


def test_rows_that_are_not_finite_end_only_their_own_member(member, table):
    poisoned = table(37)
    poisoned.x[5, 1] = np.nan
    lost, kept = train([member(rows=poisoned), member()], threads=1)
    assert lost.status == "diverged"
    assert kept.status == "finished"


def test_a_slot_left_by_a_diverged_member_serves_the_next_one(member):
    fits = [member(seed=seed, learning_rate=_HUGE if seed < 8 else 0.01) for seed in range(24)]
    outcomes = train(fits, threads=1)
    assert [outcome.status for outcome in outcomes] == ["diverged"] * 8 + ["finished"] * 16
    assert all(np.isfinite(v).all() for outcome in outcomes[8:] for v in outcome.weights)


def test_a_technique_that_is_off_does_not_overflow_because_a_neighbour_uses_it(member, table):
    # Weights near 1e25 have finite outputs under the mean absolute error; their squares overflow.
    fields = {"loss": "mae", "optimizer": "sgd", "learning_rate": 1e25, "depth": 0, "epochs": 3}
    rows = table(8)
    (alone,) = train([member(rows=rows, **fields)], threads=1)
    beside, _ = train([member(rows=rows, **fields), member(rows=rows, **fields, l2=1e-3)], 1)
    assert alone.status == "finished"
    assert beside.status == alone.status

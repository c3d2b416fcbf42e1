"""Measures of their own in the claims on losses and units."""

import numpy as np
import pytest

from kohort.lab.bench import Arm, Bench, Fitted
from kohort.lab.claims.elu import ELU, RELU, least, race, reached
from kohort.lab.claims.huber import spoiled
from kohort.lab.claims.leaky_relu import silent
from kohort.lab.outcomes import POOLED, Outcome, Outcomes
from kohort.lab.tables import DIABETES, WINE, scaled


def test_outliers_are_of_the_training_targets_alone():
    clean, parts = DIABETES.parts(0), DIABETES.parts(0, None, lambda p, d: spoiled(10, p, d))
    middle = np.median(parts.train.y)
    assert abs(middle) < 1e-9
    share = (np.abs(parts.train.y) > 5).mean()
    assert 0.02 < share < 0.1
    assert np.abs(parts.test.y).max() < 5
    order = np.argsort(clean.test.y)
    assert np.all(np.diff(parts.test.y[order]) >= 0)


@pytest.mark.parametrize("unit", ["relu", "leaky_relu", "prelu"])
def test_units_are_silent_where_no_row_reaches_them(unit):
    settings = {"depth": 2, "width": 8, "epochs": 1, "activation": unit, "activation_alpha": 0.2,
                "standardize": False}  # fmt: skip

    def look(model, parts):
        before = silent(model, parts)["silent"]
        model.weights_[1][:3] = -1e6  # Three units' biases: no row reaches them.
        return {"before": before, "after": silent(model, parts)["silent"]}

    arm = Arm("unit", settings, change=scaled)
    (found,) = Bench(1).fits([WINE], [arm], look=look)
    assert found.seen["after"] >= max(3 / 16, found.seen["before"])


def _fitted(side, curve):
    history = {"val_loss": np.array(curve)} if curve else {}
    return Fitted(WINE, Arm(side), 0, {}, {}, {}, {}, not curve, history, {})


def test_both_sides_race_to_what_the_slower_one_reaches():
    fits = [_fitted(RELU, [4.0, 2.0, 1.0]), _fitted(ELU, [1.0, 0.5, 0.1]), _fitted(ELU, [])]
    found = race(fits, 3)
    assert found[ELU] == 1.0
    assert found[RELU] == pytest.approx(2.95)
    assert race([_fitted(RELU, [4.0]), _fitted(ELU, [])], 5)[ELU] == 6.0
    assert reached(np.array([3.0, 2.0]), 1.0) == 3.0


def test_tasks_take_turns():
    calls = []
    found = least({name: lambda name=name: calls.append(name) for name in "ab"})
    assert calls == ["a", "b"] * (len(calls) // 2)
    assert set(found) == {"a", "b"}
    assert min(found.values()) >= 0


def test_pooled_outcomes_are_means_over_tables():
    found = Outcomes(
        Outcome("error", table, 1, "a", seed, value + seed)
        for table, value in (("x", 1.0), ("y", 3.0))
        for seed in range(2)
    ).pooled("error")
    np.testing.assert_array_equal(found.values("error", POOLED, "a", 1), [2.0, 3.0])

"""Quantities that change from step to step: rate, momentum, frozen layers."""

import numpy as np
import pytest

from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.pace import PACE, pace
from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules import momenta, rates


def _columns(recipe, first=0, steps=40, per_epoch=4, factor=1.0):
    return dict(zip(PACE, pace(recipe, first, steps, per_epoch, factor).T, strict=True))


def _recipe(**fields):
    return Recipe.of(**{"loss": "mse", "epochs": 10} | fields)


def test_the_rate_is_the_schedules_times_what_the_plateau_left():
    recipe = _recipe(schedule="exponential")
    columns = _columns(recipe, first=6, steps=9, factor=0.25)
    expected = 0.25 * rates(recipe, np.arange(6, 15), 4)
    np.testing.assert_array_equal(columns["learning_rate"], expected)


_MOMENTUM = {
    "momentum": "momentum", "nesterov": "momentum", "muon": "momentum", "adam": "beta_1",
    "adamw": "beta_1", "adamax": "beta_1", "nadam": "beta_1",
}  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_cycle_moves_what_each_optimizer_has_as_momentum(optimizer):
    recipe = _recipe(schedule="1cycle", optimizer=optimizer)
    still = _columns(_recipe(optimizer=optimizer))
    moved = _columns(recipe)
    cycled = momenta(recipe, np.arange(40), 4)
    for name in ("momentum", "beta_1"):
        expected = cycled if _MOMENTUM.get(optimizer) == name else still[name]
        np.testing.assert_array_equal(moved[name], expected)
    np.testing.assert_array_equal(moved["gain_1"], 1 - moved["beta_1"])


@pytest.mark.parametrize(("momentum", "moves"), [(0.0, False), (0.5, True)])
def test_one_cycle_gives_rmsprop_no_momentum_that_it_did_not_have(momentum, moves):
    columns = _columns(_recipe(schedule="1cycle", optimizer="rmsprop", momentum=momentum))
    assert (columns["momentum"] != momentum).any() == moves


def test_hidden_layers_thaw_after_freeze_epochs():
    columns = _columns(_recipe(freeze_epochs=3))
    np.testing.assert_array_equal(columns["thawed"], np.arange(40) >= 12)

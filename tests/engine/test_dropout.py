"""Dropout inside the training program."""

import jax.numpy as jnp
import numpy as np
import pytest

from kohort.engine.executors.local import train
from kohort.networks.own.context import Context
from kohort.networks.own.dense import DenseNetwork
from kohort.networks.own.drawing import Drawing
from kohort.recipe.recipe import Recipe


def _apply(network, variables, x, rate, step=0, seed=1, uses=("dropout",)):
    context = Context(
        units=jnp.asarray(network.widths, jnp.int32),
        numbers={"dropout": jnp.float32(rate), "activation_alpha": jnp.float32(0)},
        seed=jnp.uint32(seed),
        step=jnp.int32(step),
        uses=frozenset(uses),
    )
    return np.asarray(network.apply(variables, x, context)[0])


@pytest.fixture(scope="module")
def mean_of_units():
    """A network whose output is the mean of 512 hidden units that all equal 1."""
    network = DenseNetwork(1, 1, (512,), "linear")
    ones = [np.zeros((1, 512)), np.ones(512), np.full((512, 1), 1 / 512), np.zeros(1)]
    return network, [jnp.asarray(variable, jnp.float32) for variable in ones]


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_the_expected_activation_is_preserved(rate, mean_of_units):
    network, variables = mean_of_units
    rows = 256
    outputs = [_apply(network, variables, jnp.zeros((rows, 1)), rate, step) for step in range(4)]
    deviation = np.sqrt(rate / (1 - rate) / (4 * rows * 512))
    assert abs(np.mean(outputs) - 1) < 4.5 * deviation


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_survivors_are_scaled_and_the_rest_is_zero(rate):
    network = DenseNetwork(1, 16, (16,), "linear")
    identity = [np.zeros((1, 16)), np.ones(16), np.eye(16), np.zeros(16)]
    variables = [jnp.asarray(variable, jnp.float32) for variable in identity]
    units = _apply(network, variables, jnp.zeros((50, 1)), rate)
    np.testing.assert_allclose(np.unique(units), [0, 1 / (1 - rate)], rtol=1e-6)


def test_a_program_that_does_not_use_dropout_drops_nothing(mean_of_units):
    network, variables = mean_of_units
    outputs = _apply(network, variables, jnp.zeros((8, 1)), 0.5, uses=())
    np.testing.assert_allclose(outputs, 1, rtol=1e-6)


def test_another_step_and_another_seed_drop_other_units(mean_of_units):
    network, variables = mean_of_units
    x = jnp.zeros((64, 1))
    base, step, seed = (
        _apply(network, variables, x, 0.5, **changed) for changed in ({}, {"step": 1}, {"seed": 2})
    )
    assert not np.array_equal(base, step)
    assert not np.array_equal(base, seed)


def test_rate_zero_beside_members_that_use_dropout_is_exactly_no_dropout(member):
    fields = {"depth": 2, "width": [9, 12], "learning_rate": 0.01}
    without = [member(seed=seed, **fields) for seed in range(8)]
    alone = train(without, threads=1)
    beside = train([member(seed=50, dropout=0.5, **fields), *without[1:]], threads=1)
    assert not np.array_equal(beside[0].weights[0], alone[0].weights[0])
    for one, other in zip(alone[1:], beside[1:], strict=True):
        for a, b in zip(one.weights, other.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(a).max())


def test_rate_zero_changes_no_bit_of_what_the_network_computes(mean_of_units):
    network, _ = mean_of_units
    generator = np.random.default_rng(0)
    recipe = Recipe.of(loss="mse", depth=1, width=512)
    variables = [jnp.asarray(v, jnp.float32) for v in Drawing.of(network, recipe)(generator)]
    x = jnp.asarray(generator.normal(size=(32, 1)), jnp.float32)
    np.testing.assert_array_equal(
        _apply(network, variables, x, 0.0), _apply(network, variables, x, 0.0, uses=())
    )


def test_dropout_trains_another_network_than_no_dropout_and_the_rate_matters(member):
    outcomes = train([member(dropout=rate, width=30) for rate in (0.0, 0.2, 0.6)], threads=1)
    kernels = [outcome.weights[0] for outcome in outcomes]
    assert not np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[1], kernels[2])

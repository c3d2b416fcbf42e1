"""The dense network against a network written out by hand, at any padded width."""

import math
from itertools import pairwise

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth

from kohort.networks.own.context import Context
from kohort.networks.own.dense import DenseNetwork, padded
from kohort.networks.own.drawing import Drawing
from kohort.recipe.activations import ACTIVATIONS
from kohort.recipe.recipe import NUMBERS, Recipe


def _recipe(units, activation="relu", **fields):
    fields = {"depth": len(units), "width": list(units), "activation": activation, **fields}
    return Recipe.of(loss="mse", **fields)


def _network(features, outputs, units, activation="relu", **fields):
    return DenseNetwork.of(features, outputs, _recipe(units, activation, **fields))


def _by_hand(variables, x, activation):
    for kernel, bias in zip(variables[:-2:2], variables[1:-2:2], strict=True):
        x = activation(x @ kernel + bias)
    return x @ variables[-2] + variables[-1]


def _keras(activation):
    if activation == "gelu_tanh":
        return lambda x: keras.activations.gelu(x, approximate=True)
    return keras.activations.get(activation)


def _embedded(network, variables, surplus=0.0):
    """The variables in padded shapes; entries beyond them hold `surplus`."""
    result = []
    for variable, shape in zip(variables, network.layout.shapes, strict=True):
        wide = np.full(shape, surplus, np.float32)
        wide[tuple(slice(0, length) for length in variable.shape)] = variable
        result.append(jnp.asarray(wide))
    return result


def _context(recipe, **more):
    numbers = dict(zip(NUMBERS, np.float32(recipe.numbers()), strict=True))
    return Context(jnp.asarray(recipe.units, jnp.int32), numbers, **more)


@given(st.integers(1, 5000))
def test_padded_widths_are_enough_multiples_of_16_and_idempotent(units):
    width = padded(units)
    assert width >= units
    assert width % 16 == 0
    assert padded(width) == width
    assert width <= 16 or width < 2 * units


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_padded_widths_keep_order(a, b):
    assert padded(min(a, b)) <= padded(max(a, b))


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"prelu"}))
def test_the_output_is_that_of_the_narrow_network_and_of_keras(activation):
    units, features = [5, 18], 4
    network = _network(features, 2, units, activation)
    assert all(wide > real for wide, real in zip(network.widths, units, strict=True))
    generator = np.random.default_rng(1)
    variables = [generator.normal(size=shape) * 0.4 for shape in network.shapes(units)]
    x = generator.normal(size=(7, features)).astype(np.float32)
    # Surplus weights are not zero here: the mask alone must hide the units that do not exist.
    wide = _embedded(network, variables, surplus=0.7)
    actual, averages = network.apply(wide, jnp.asarray(x), _context(_recipe(units, activation)))
    assert averages == []
    narrow = [jnp.asarray(variable, jnp.float32) for variable in variables]
    expected = _by_hand(narrow, jnp.asarray(x), _keras(activation))
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-6)


@settings(max_examples=depth(8))
@given(
    units=st.lists(st.integers(1, 40), max_size=3),
    activation=st.sampled_from(["relu", "exponential", "softplus", "sigmoid"]),
    seed=st.integers(0, 1000),
)
def test_surplus_units_get_no_gradient_and_give_none(units, activation, seed):
    network = _network(3, 2, units, activation)
    generator = np.random.default_rng(seed)
    variables = [generator.normal(size=shape) * 0.2 for shape in network.shapes(units)]
    x = jnp.asarray(generator.normal(size=(5, 3)), jnp.float32)

    def objective(variables):
        output, _ = network.apply(variables, x, _context(_recipe(units, activation)))
        return jnp.sum(jnp.square(output))

    gradients = jax.jit(jax.grad(objective))(_embedded(network, variables))
    narrow = [jnp.asarray(variable, jnp.float32) for variable in variables]
    activate = _keras(activation)
    wanted = jax.jit(jax.grad(lambda v: jnp.sum(jnp.square(_by_hand(v, x, activate)))))(narrow)
    for gradient, narrow_gradient in zip(gradients, wanted, strict=True):
        inside = tuple(slice(0, length) for length in narrow_gradient.shape)
        scale = float(jnp.abs(narrow_gradient).max()) + 1e-6
        np.testing.assert_allclose(gradient[inside], narrow_gradient, rtol=0, atol=2e-5 * scale)
        assert not np.asarray(gradient.at[inside].set(0)).any()


def test_equal_structures_are_equal_and_hash_alike():
    a, b = (_network(3, 1, [units, units], "relu") for units in (33, 64))
    assert a == b
    assert hash(a) == hash(b)
    assert a != _network(3, 1, [65, 65], "relu")


def test_kernels_are_what_l2_applies_to_and_hold_no_bias():
    network = _network(3, 2, [4, 5], "relu")
    variables = [np.zeros(shape) for shape in network.shapes([4, 5])]
    assert [kernel.shape for kernel in network.kernels(variables)] == [(3, 4), (4, 5), (5, 2)]


def test_a_thousand_members_draw_distinct_weights_that_their_seed_alone_decides():
    network = _network(8, 1, [50, 50, 50], "relu")

    def drawn(seed):
        return Drawing.of(network, _recipe([50, 50, 50]))(np.random.default_rng(seed))

    first = [drawn(seed) for seed in range(1000)]
    assert len({variables[0].tobytes() for variables in first}) == 1000
    assert len({variables[2].tobytes() for variables in first}) == 1000
    for seed in (0, 499, 999):
        again = drawn(seed)
        assert all(np.array_equal(a, b) for a, b in zip(first[seed], again, strict=True))
    assert all(not variables[1].any() for variables in first)


@given(st.lists(st.integers(1, 60), max_size=3), st.integers(1, 9), st.integers(1, 4))
def test_shapes_chain_from_the_features_to_the_outputs(units, features, outputs):
    network = _network(features, outputs, units, "relu")
    shapes = network.shapes(units)
    assert shapes[0][0] == features
    assert shapes[-1] == (outputs,)
    assert len(shapes) == len(network.layout.names) == 2 * (len(units) + 1)
    sizes = [features, *units, outputs]
    count = sum((a + 1) * b for a, b in pairwise(sizes))
    assert sum(math.prod(shape) for shape in shapes) == count

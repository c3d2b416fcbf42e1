"""A lifted program computes what its function computes, and differs only where structure does."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kohort
from kohort.networks.lifted.lifting import lift

layers = keras.layers


def _model(units=6, rate=0.0, slope=0.2, l2=1e-3, momentum=0.9):
    """Two branches, batch norm, dropout, a regulariser: a skip connection past a hidden layer."""
    inputs = keras.Input((4,))
    x = layers.Dense(units, kernel_regularizer=keras.regularizers.L2(l2))(inputs)
    x = layers.LeakyReLU(negative_slope=slope)(layers.BatchNormalization(momentum=momentum)(x))
    x = layers.Dropout(rate)(x)
    return keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([inputs, x])))


def _gradient(model):
    """Loss, new state and gradients of one batch."""

    def objective(trained, state, x, y):
        output, state, penalties = model.stateless_call(
            trained, state, x, training=True, return_losses=True
        )
        return jnp.mean(jnp.square(output - y)) + sum(penalties), state

    return jax.value_and_grad(objective, has_aux=True)


def _arguments(model, rows=8):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 4)).astype(np.float32)
    y = generator.normal(size=(rows, 1)).astype(np.float32)
    trained = [jnp.asarray(v.value) for v in model.trainable_variables]
    return trained, [jnp.asarray(v.value) for v in model.non_trainable_variables], x, y


def _lifted(model):
    return lift(_gradient(model), *_arguments(model))


def test_the_lifted_gradient_is_keras_gradient():
    model = _model()
    arguments = _arguments(model)
    program, numbers, arrays = _lifted(model)
    found = jax.jit(program)(jnp.asarray(numbers), arrays, *arguments)
    wanted = jax.jit(_gradient(model))(*arguments)
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(
    "change", [{"slope": 0.4}, {"l2": 0.02}, {"momentum": 0.7}, {"slope": 0.3, "l2": 0.5}]
)
def test_one_program_serves_models_that_differ_in_numbers(change):
    program, _, _ = _lifted(_model())
    other = _model(**change)
    twin, numbers, arrays = _lifted(other)
    assert twin.digest == program.digest
    arguments = _arguments(other)
    found = jax.jit(program)(jnp.asarray(numbers), arrays, *arguments)
    wanted = jax.jit(_gradient(other))(*arguments)
    for one, expected in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, expected, rtol=2e-6, atol=2e-6)


def test_dropout_rates_share_a_program_and_decide_what_is_dropped():
    program, _, _ = _lifted(_model(rate=0.3))
    layer = layers.Dropout(0.6)
    layer.build((500, 40))
    state = [v.value for v in layer.non_trainable_variables]

    def drop(state, x):
        return layer.stateless_call([], state, x, training=True)[0]

    ones = jnp.ones((500, 40))
    lifted, numbers, arrays = lift(drop, state, ones)
    kept = np.asarray(lifted(jnp.asarray(numbers), arrays, state, ones))
    assert set(np.unique(kept).round(5)) == {0.0, 2.5}
    assert abs((kept > 0).mean() - 0.4) < 0.015
    assert _lifted(_model(rate=0.6))[0].digest == program.digest


@pytest.mark.parametrize("change", [{"units": 7}, {"rate": 0.3}])
def test_structure_makes_a_program_of_its_own(change):
    assert _lifted(_model(**change))[0].digest != _lifted(_model())[0].digest


def test_rules_of_differentiation_belong_to_the_program():
    def reversal(factor):
        @jax.custom_vjp
        def identity(x):
            return x

        identity.defvjp(lambda x: (x, None), lambda _, g: (-factor * g,))
        return jax.grad(lambda x: jnp.sum(identity(x) ** 2))

    x = jnp.array([1.0, 2.0])
    program, _, _ = lift(reversal(0.25), x)
    twin, numbers, arrays = lift(reversal(0.75), x)
    assert twin.digest == program.digest
    np.testing.assert_allclose(program(jnp.asarray(numbers), arrays, x), [-1.5, -3.0])
    assert lift(jax.grad(lambda x: jnp.sum(x**2)), x)[0].digest != program.digest


def test_arrays_that_a_function_closes_over_are_inputs():
    def centred(mean):
        values = jnp.asarray(mean)
        return lambda x: x - values

    x = jnp.zeros((3, 2))
    program, _, _ = lift(centred([1.0, 2.0]), x)
    twin, numbers, arrays = lift(centred([5.0, 6.0]), x)
    assert twin.digest == program.digest
    found = program(jnp.asarray(numbers, jnp.float32), arrays, x)
    np.testing.assert_array_equal(found, np.tile([-5.0, -6.0], (3, 1)))


def test_whole_numbers_and_loops_are_structure():
    def total(steps, factor):
        return lambda x: jax.lax.fori_loop(0, steps, lambda _, v: v * factor, x)

    x = jnp.ones(2)
    assert lift(total(3, 0.5), x)[0].digest == lift(total(3, 0.5), x)[0].digest
    assert lift(total(3, 0.5), x)[0].digest != lift(total(4, 0.5), x)[0].digest
    assert lift(total(3, 0.5), x)[0].digest != lift(total(3, 0.25), x)[0].digest


def test_a_lifted_program_runs_over_members():
    program, numbers, arrays = lift(lambda x: jnp.tanh(0.3 * x) + 0.7, jnp.zeros(4))
    rows = jnp.stack([jnp.asarray(numbers), jnp.asarray([0.6, 0.1])])
    x = jnp.linspace(-1, 1, 8).reshape(2, 4)
    found = jax.vmap(lambda numbers, x: program(numbers, arrays, x))(rows, x)
    wanted = jnp.stack([jnp.tanh(0.3 * x[0]) + 0.7, jnp.tanh(0.6 * x[1]) + 0.1])
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_which_constant_is_used_where_is_structure():
    first, second = np.arange(2000), np.arange(2000)
    second[1000] = 0  # The same when abbreviated in print.

    def difference(one, other):
        one, other = jnp.asarray(one), jnp.asarray(other)
        return lambda x: (x + one - other, x + one)

    def swapped(one, other):
        one, other = jnp.asarray(one), jnp.asarray(other)
        return lambda x: (x + one - other, x + other)

    x = jnp.zeros(2000, jnp.int32)
    assert (
        lift(difference(first, second), x)[0].digest == lift(difference(first, second), x)[0].digest
    )
    assert lift(difference(first, second), x)[0].digest != lift(swapped(first, second), x)[0].digest


@pytest.mark.parametrize(
    ("numbers", "inputs", "words"),
    [
        ([0.1], 1, r"`numbers` must be of shape \(2,\); got \(1,\)"),
        ([0.1, 0.2, 0.3], 1, r"`numbers` must be of shape \(2,\); got \(3,\)"),
        ([0.1, 0.2], 2, "`arrays and arguments` must be 1 arrays in all; got 2"),
    ],
)
def test_a_program_refuses_what_is_not_its_own(numbers, inputs, words):
    program, _, _ = lift(lambda x: jnp.tanh(0.3 * x) + 0.7, jnp.zeros(4))
    with pytest.raises(kohort.ParameterError, match=words):
        program(jnp.asarray(numbers), [], *[jnp.zeros(4)] * inputs)

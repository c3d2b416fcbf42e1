"""Signals through untrained networks: NumPy against JAX's gradient, and both against the theory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort.lab.passes import Start, expected, measured
from kohort.lab.tables import Parts, Rows, scaled
from kohort.recipe.initializers import draw

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@settings(max_examples=3, deadline=None)
@given(depth=st.integers(1, 4), seed=st.integers(0, 100))
def test_signals_are_those_of_automatic_differentiation(activation, depth, seed):
    generator = np.random.default_rng(seed)
    X, y = generator.normal(size=(12, 5)), np.arange(12) % 3
    found = measured(Start(depth, 7, activation, "random_normal", 0.5), X, y, seed)

    draws, fan = np.random.default_rng(seed), 5
    kernels = []
    for _ in range(depth):
        kernels.append(draw("random_normal", (fan, 7), draws, 0.5))
        fan = 7
    output = draw("glorot_uniform", (7, 3), draws)

    def loss(offsets):
        h, seen = X, []
        for kernel, offset in zip(kernels, offsets, strict=True):
            h = ACTIVATIONS[activation](h @ kernel + offset)
            seen.append(jnp.mean(h**2))
        chances = jax.nn.log_softmax(h @ output)
        return -jnp.mean(chances[jnp.arange(12), y]), seen

    with jax.enable_x64(True):
        gradients, seen = jax.grad(loss, has_aux=True)([np.zeros((12, 7))] * depth)
    np.testing.assert_allclose(found.forward, seen, rtol=1e-9)
    np.testing.assert_allclose(found.backward, [np.mean(g**2) for g in gradients], rtol=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("initializer", ["glorot_normal", "he_normal", "random_normal"])
def test_wide_layers_do_what_the_closed_form_says(activation, initializer):
    start = Start(4, 500, activation, initializer, 0.1)
    X = np.random.default_rng(0).normal(size=(40, 500))
    of_seeds = [measured(start, X, np.arange(40) % 10, seed) for seed in range(4)]
    theory = expected(start, 500, 1.0)
    forward = np.mean([one.forward for one in of_seeds], axis=0)
    backward = np.mean([one.backward / one.backward[-1] for one in of_seeds], axis=0)
    np.testing.assert_allclose(forward, theory.forward, rtol=0.1)
    np.testing.assert_allclose(backward, theory.backward, rtol=0.15)


def test_he_with_relu_keeps_both_in_closed_form():
    found = expected(Start(20, 64, "relu", "he_normal"), 64, 1.0)
    np.testing.assert_allclose(found.forward, 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.backward, 1.0, rtol=1e-6)


def test_features_are_scaled_by_the_training_rows():
    generator = np.random.default_rng(0)
    parts = Parts(*(Rows(generator.normal(3, 2, (9, 2)) * [1, 0], np.arange(9)) for _ in range(3)))
    train, valid, _, _ = scaled(parts, generator)
    np.testing.assert_allclose(train.X[:, 0].mean(), 0, atol=1e-12)
    np.testing.assert_allclose(train.X[:, 0].std(), 1)
    np.testing.assert_allclose(train.X[:, 1], 0)
    first = parts.train.X[:, 0]
    np.testing.assert_allclose(valid.X[:, 0], (parts.valid.X[:, 0] - first.mean()) / first.std())

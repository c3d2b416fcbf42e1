"""Signals through untrained networks: against differences of the loss, and against the theory."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax

from kohort.lab.passes import Start, expected, measured
from kohort.lab.tables import Parts, Rows, scaled
from kohort.recipe.initializers import draw

ACTIVATIONS = {"relu": lambda z: z * (z > 0), "tanh": np.tanh, "sigmoid": expit}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_signals_are_those_of_differences_of_the_loss(activation):
    depth, rows, width, step = 3, 6, 5, 1e-6
    X, y = np.random.default_rng(7).normal(size=(rows, 4)), np.arange(rows) % 3
    found = measured(Start(depth, width, activation, "random_normal", 0.5), X, y, 7)

    draws = np.random.default_rng(7)
    kernels = [draw("random_normal", (4 if k == 0 else width, width), draws, 0.5)
               for k in range(depth)]  # fmt: skip
    output = draw("glorot_uniform", (width, 3), draws)

    def loss(offsets):
        h, sizes = X, []
        for kernel, offset in zip(kernels, offsets, strict=True):
            h = ACTIVATIONS[activation](h @ kernel + offset)
            sizes.append(np.mean(h**2))
        return -log_softmax(h @ output, axis=1)[np.arange(rows), y].mean(), sizes

    gradient = np.zeros((depth, rows, width))
    for place in np.ndindex(gradient.shape):
        change = np.zeros_like(gradient)
        change[place] = step
        gradient[place] = (loss(change)[0] - loss(-change)[0]) / (2 * step)
    np.testing.assert_allclose(found.forward, loss(np.zeros_like(gradient))[1], rtol=1e-9)
    np.testing.assert_allclose(found.backward, np.mean(gradient**2, axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize(
    ("activation", "initializer"),
    [("tanh", "glorot_normal"), ("sigmoid", "random_normal"), ("relu", "he_normal")],
)
def test_wide_layers_do_what_the_closed_form_says(activation, initializer):
    start = Start(4, 600, activation, initializer, 0.1)
    X = np.random.default_rng(0).normal(size=(40, 600))
    of_seeds = [measured(start, X, np.arange(40) % 10, seed) for seed in range(6)]
    theory = expected(start, 600, 1.0)
    forward = np.mean([one.forward for one in of_seeds], axis=0)
    backward = np.mean([one.backward / one.backward[-1] for one in of_seeds], axis=0)
    # Means of six draws of 600 units scatter by 7 % after four layers of ReLU.
    np.testing.assert_allclose(forward, theory.forward, rtol=0.2)
    np.testing.assert_allclose(backward, theory.backward, rtol=0.2)


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

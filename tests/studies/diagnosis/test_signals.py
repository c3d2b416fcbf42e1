"""Signals through 50 layers: the pairs that belong together keep their variance, others do not."""

import numpy as np
import pytest

from kohort.recipe.recipe import Recipe
from kohort.studies.diagnosis.signals import signals_at_start

DEPTH, WIDTH, ROWS, SEEDS = 50, 512, 32, 3


def through(activation, initializer, deviation):
    """Medians over seeds of the forward and backward variance of each layer."""
    recipe = Recipe.of(
        loss="mse", depth=DEPTH, width=WIDTH, activation=activation, batch_size=ROWS,
        kernel_initializer=initializer, optimizer="sgd",
    )  # fmt: skip
    found = []
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        x = (deviation * generator.normal(size=(ROWS, WIDTH))).astype(np.float32)
        y = generator.normal(size=(ROWS, 1)).astype(np.float32)
        found.append(signals_at_start(recipe, x, y, seed).to_numpy())
    return np.median(found, axis=0).T


@pytest.mark.rest
@pytest.mark.parametrize(
    ("activation", "initializer", "kept"),
    [
        ("tanh", "glorot_uniform", True),
        ("relu", "he_normal", True),
        ("relu", "glorot_uniform", False),
        ("tanh", "he_normal", False),
    ],
)
def test_only_weights_that_suit_the_activation_keep_the_variance(activation, initializer, kept):
    # Glorot and Bengio suppose the linear part of tanh, so inputs are small.
    for variances in through(activation, initializer, deviation=0.1):
        within = bool(np.all((variances > 1 / 4) & (variances < 4)))
        assert within == kept, variances[[0, -1]]


def test_tanh_on_inputs_of_deviation_1_shrinks_as_mean_field_theory_says():
    forward, _ = through("tanh", "glorot_uniform", deviation=1.0)
    points, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()
    expected, q = [], 1.0
    for _ in range(DEPTH):
        q = float(weights @ np.tanh(np.sqrt(q) * points) ** 2)
        expected.append(q)
    np.testing.assert_allclose(forward[:10], expected[:10], rtol=0.1)
    np.testing.assert_allclose(forward[-1], expected[-1], rtol=0.35)

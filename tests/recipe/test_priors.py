"""The constant prediction that a network starts from has the lowest loss of all constants."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from kohort.recipe.losses import LOSSES, loss_of
from kohort.recipe.priors import prior
from kohort.recipe.recipe import NUMBERS, Recipe

_REGRESSION = ("mse", "mae", "quantile", "poisson")
_ENTROPIES = ("binary_crossentropy", "sparse_categorical_crossentropy")


def loss_at(recipe, outputs, targets, weight):
    numbers = dict(zip(NUMBERS, recipe.numbers(), strict=True))
    rows = jnp.broadcast_to(jnp.asarray(outputs), (len(targets), len(outputs)))
    values = loss_of(recipe.loss, recipe.uses)(jnp.asarray(targets), rows, numbers)
    return float(np.asarray(weight, float) @ np.asarray(values, float) / np.sum(weight))


@pytest.mark.parametrize("loss", _REGRESSION)
@pytest.mark.parametrize("weighted", [False, True])
def test_no_constant_beats_that_of_numbers(loss, weighted):
    generator = np.random.default_rng(0)
    targets = generator.gamma(1.0, 2.0, (41, 2))
    weight = generator.uniform(0, 3, 41) if weighted else np.ones(41)
    recipe = Recipe.of(loss=loss, quantile=0.8)
    found = prior(recipe, targets, weight if weighted else None, 2)
    lowest = loss_at(recipe, found, targets, weight)
    for step in (-0.3, -0.01, 0.01, 0.3):
        for column in range(2):
            moved = np.array(found)
            moved[column] += step
            assert loss_at(recipe, moved, targets, weight) >= lowest - 1e-6


@pytest.mark.parametrize("loss", ["huber", "log_cosh"])
def test_the_losses_between_start_at_the_median(loss):
    targets = np.array([[1.0], [2.0], [100.0]])
    assert prior(Recipe.of(loss=loss), targets, None, 1) == (2.0,)


@pytest.mark.parametrize("loss", _ENTROPIES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_no_constant_beats_that_of_classes_with_a_thousandth_spread_evenly(loss, smoothing):
    """The oracle minimises the loss over the rows and a row of each class, which weigh so much."""
    generator = np.random.default_rng(1)
    classes = 2 if loss == "binary_crossentropy" else 4
    targets = generator.choice(classes, 37, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
    weight = generator.uniform(0, 2, 37)
    recipe = Recipe.of(loss=loss, label_smoothing=smoothing)
    outputs = 1 if classes == 2 else classes
    found = prior(recipe, targets[:, None].astype(float), weight, outputs)
    rows = np.concatenate([targets, np.arange(classes)])[:, None].astype(float)
    more = weight.sum() * 0.001 / 0.999 / classes
    shares = np.concatenate([weight, np.full(classes, more)])
    best = minimize(
        lambda at: loss_at(recipe, at, rows, shares), np.zeros(outputs), method="Nelder-Mead"
    )
    np.testing.assert_allclose(loss_at(recipe, found, rows, shares), best.fun, rtol=1e-5)
    np.testing.assert_allclose(np.mean(found) if outputs > 1 else 0, 0, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_has_one_even_where_a_class_or_a_value_is_missing(loss):
    outputs = 3 if "categorical" in loss else 1
    found = prior(Recipe.of(loss=loss), np.zeros((5, 1)), None, outputs)
    assert len(found) == outputs
    assert np.isfinite(found).all()

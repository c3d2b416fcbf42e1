"""The gradient noise scale against its closed form, and its estimator against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.engine.gradient import SquaredNorms, squared_norms
from kohort.engine.member import Member, Rows
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe
from kohort.studies.batch_size.noise_scale import measured_noise_scale, noise_scale

FEATURES = 4
RECIPE = {"loss": "mse", "early_stopping": False, "batch_size": 32, "epochs": 1}


def linear(rows, deviation, noise, seed=0):
    """A linear regression at weights that are off by `deviation`, and its closed form."""
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(FEATURES, FEATURES)) / 2
    covariance = root @ root.T
    x = generator.normal(size=(rows, FEATURES)) @ root.T
    true = generator.normal(size=FEATURES)
    off = deviation * generator.normal(size=FEATURES)
    y = x @ true + noise * generator.normal(size=rows)
    recipe = Recipe.of(**RECIPE, depth=0)
    table = Rows(x.astype(np.float32), y[:, None].astype(np.float32))
    weights = [(true + off)[:, None].astype(np.float32), np.zeros(1, np.float32)]
    error = off @ covariance @ off + noise**2
    gradient = covariance @ off
    trace = 4 * ((np.trace(covariance) + 1) * error + gradient @ gradient)
    closed = trace / (4 * gradient @ gradient)
    member = Member(**fields_of(recipe, FEATURES, 1), rows=table, seed=seed)
    return member, weights, closed


@pytest.mark.parametrize(("deviation", "noise"), [(1.0, 0.5), (1.0, 3.0), (0.3, 1.0)])
def test_linear_regression_has_its_closed_form(deviation, noise):
    estimates, closed = [], 0.0
    member, weights, closed = linear(60_000, deviation, noise)
    for start in range(0, 60_000, 4096):
        rows = np.arange(start, min(start + 4096, 60_000) // 32 * 32)
        norms = squared_norms(member, weights, list(rows.reshape(-1, 32))[:100])
        estimates.append((norms, len(rows)))
    found = noise_scale([norms for norms, _ in estimates], 32, 100)
    assert found == pytest.approx(closed, rel=0.15)


def test_several_points_are_pooled():
    member, weights, closed = linear(20_000, 1.0, 1.0)
    scale, each = measured_noise_scale(member, [weights] * 6)
    assert len(set(each)) == 6
    assert scale == pytest.approx(closed, rel=0.3)


def test_too_few_rows_give_nan():
    member, weights, _ = linear(1, 1.0, 1.0)
    assert np.isnan(measured_noise_scale(member, [weights])[0])


def test_noise_that_hides_the_gradient_is_infinite():
    assert noise_scale([SquaredNorms(4.0, 0.1)], 10, 4) == np.inf


@given(
    square=st.floats(1e-3, 1e3),
    trace=st.floats(0, 1e3),
    small=st.integers(1, 64),
    batches=st.integers(2, 200),
)
def test_expected_norms_give_the_scale_back(square, trace, small, batches):
    norms = SquaredNorms(square + trace / small, square + trace / (small * batches))
    assert noise_scale([norms], small, batches) == pytest.approx(trace / square, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"l2": 0.1, "activation": "tanh"}, {"width": 5}])
def test_norms_are_those_of_jax(options):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(24, 3)), generator.normal(size=(24, 1))
    fields = {"width": 16, "activation": "relu", **options}
    recipe = Recipe.of(**RECIPE, depth=1, **fields)
    rows = Rows(x.astype(np.float32), y.astype(np.float32))
    member = Member(**fields_of(recipe, 3, 1), rows=rows, seed=0)
    weights = member.initial_variables()

    def loss(weights, rows):
        kernel, bias, last, end = weights
        hidden = getattr(jax.nn, fields["activation"])(x[rows] @ kernel + bias)
        error = jnp.mean(jnp.square(hidden @ last + end - y[rows]))
        return error + recipe.l2 * (jnp.sum(kernel**2) + jnp.sum(last**2))

    batches = list(np.arange(24).reshape(4, 6))
    grads = [
        np.concatenate([np.ravel(g) for g in jax.grad(loss)(weights, batch)]) for batch in batches
    ]
    found = squared_norms(member, weights, batches)
    assert found.small == pytest.approx(np.mean([g @ g for g in grads]), rel=1e-4)
    mean = np.mean(grads, axis=0)
    assert found.big == pytest.approx(mean @ mean, rel=1e-4)

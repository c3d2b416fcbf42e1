"""Batch and layer normalisation over real rows and units, against NumPy in double precision.

Keras rounds its own normalisation to single precision at any floatx, so it cannot tell more.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kohort.networks.own.context import Context
from kohort.networks.own.normalization import batch_norm, layer_norm

ROWS, UNITS = 8, 16


@pytest.fixture
def table(double_precision):
    generator = np.random.default_rng(0)
    with double_precision():
        yield {
            "x": 3 + 2 * generator.normal(size=(ROWS, UNITS)),
            "gamma": generator.normal(size=UNITS),
            "beta": generator.normal(size=UNITS),
            "mean": generator.normal(size=UNITS),
            "variance": generator.uniform(0.5, 2, UNITS),
        }


def _context(rows):
    numbers = {"norm_epsilon": jnp.float64(0.01), "batch_norm_momentum": jnp.float64(0.9)}
    return Context(jnp.zeros(1, jnp.int32), numbers, rows=None if rows is None else jnp.int32(rows))


def _batch_norm(table, rows, x=None):
    x = table["x"] if x is None else x
    scale, averages = (table["gamma"], table["beta"]), (table["mean"], table["variance"])
    return batch_norm(jnp.asarray(x), scale, averages, _context(rows))


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_batch_norm_normalises_over_the_real_rows_only(rows, table):
    x = table["x"].copy()
    x[rows:] = 1e6  # Padding must not be seen.
    result, (mean, variance) = _batch_norm(table, rows, x)
    real = x[:rows]
    expected = (real - real.mean(axis=0)) / np.sqrt(real.var(axis=0) + 0.01)
    np.testing.assert_allclose(
        result[:rows], expected * table["gamma"] + table["beta"], rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(mean, 0.9 * table["mean"] + 0.1 * real.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        variance, 0.9 * table["variance"] + 0.1 * real.var(axis=0), rtol=1e-12
    )


def test_batch_norm_predicts_with_the_moving_averages_and_leaves_them(table):
    result, (mean, variance) = _batch_norm(table, None)
    expected = (table["x"] - table["mean"]) / np.sqrt(table["variance"] + 0.01)
    np.testing.assert_allclose(
        result, expected * table["gamma"] + table["beta"], rtol=1e-12, atol=1e-12
    )
    np.testing.assert_array_equal(mean, table["mean"])
    np.testing.assert_array_equal(variance, table["variance"])


@pytest.mark.parametrize("units", [1, 5, 16])
def test_layer_norm_normalises_over_the_real_units_only(units, table):
    x = table["x"].copy()
    x[:, units:] = 0  # As masked units are.
    scale = (table["gamma"], table["beta"])
    result = layer_norm(jnp.asarray(x), scale, jnp.int32(units), _context(None))
    real = x[:, :units]
    expected = (real - real.mean(axis=1, keepdims=True)) / np.sqrt(
        real.var(axis=1, keepdims=True) + 0.01
    )
    np.testing.assert_allclose(
        result[:, :units],
        expected * table["gamma"][:units] + table["beta"][:units],
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("rows", [2, 8])
def test_the_slope_of_batch_norm_is_that_of_finite_differences(rows, table):
    """The statistics are part of the slope; padded rows have none."""
    weight = np.random.default_rng(1).normal(size=(ROWS, UNITS))
    weight[rows:] = 0

    def loss(x):
        return jnp.sum(jnp.asarray(weight) * jnp.tanh(_batch_norm(table, rows, x)[0]))

    slope = np.asarray(jax.grad(loss)(jnp.asarray(table["x"])))
    step = 1e-6
    for row, unit in [(0, 0), (1, 7), (1, 15)]:
        ahead, behind = table["x"].copy(), table["x"].copy()
        ahead[row, unit] += step
        behind[row, unit] -= step
        difference = float(loss(ahead) - loss(behind)) / (2 * step)
        assert slope[row, unit] == pytest.approx(difference, rel=1e-5, abs=1e-8)
    assert not slope[rows:].any()

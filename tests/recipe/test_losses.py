"""Losses per row, against Keras's and against closed forms."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.recipe import losses

_REGRESSION = {
    "mse": keras.losses.mean_squared_error,
    "mae": keras.losses.mean_absolute_error,
    "log_cosh": keras.losses.log_cosh,
}


def _row_losses(name, target, output):
    loss = losses.LOSSES[name]
    return np.asarray(loss(jnp.asarray(target), jnp.asarray(output), {}))


@pytest.mark.parametrize("name", _REGRESSION)
@pytest.mark.parametrize("targets", [1, 3])
def test_regression_losses_are_kerass_row_by_row(name, targets):
    generator = np.random.default_rng(0)
    target, output = generator.normal(size=(2, 20, targets)).astype(np.float32) * 3
    expected = np.asarray(_REGRESSION[name](target, output))
    assert expected.shape == (20,)
    np.testing.assert_allclose(_row_losses(name, target, output), expected, rtol=1e-5, atol=1e-6)


def test_binary_crossentropy_is_kerass_row_by_row():
    generator = np.random.default_rng(0)
    output = generator.normal(size=(50, 1)).astype(np.float32) * 5
    target = (generator.random((50, 1)) < 0.5).astype(np.float32)
    expected = keras.losses.binary_crossentropy(target, output, from_logits=True)
    actual = _row_losses("binary_crossentropy", target, output)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)


def test_categorical_crossentropy_is_kerass_row_by_row():
    generator = np.random.default_rng(0)
    output = generator.normal(size=(50, 6)).astype(np.float32) * 5
    target = generator.integers(0, 6, (50, 1)).astype(np.float32)
    expected = keras.losses.sparse_categorical_crossentropy(target, output, from_logits=True)
    actual = _row_losses("sparse_categorical_crossentropy", target, output)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@given(st.floats(-1e4, 1e4, width=32), st.sampled_from([0.0, 1.0]))
def test_the_logistic_loss_and_its_gradient_are_finite_and_right_for_any_logit(logit, label):
    loss = losses.LOSSES["binary_crossentropy"]
    target = jnp.full((1, 1), label)

    def of(z):
        return loss(target, z[None, None], {})[0]

    value, slope = jax.value_and_grad(of)(jnp.float32(logit))
    expected = np.logaddexp(0, logit) - label * logit
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    probability = 0.5 * (1 + np.tanh(logit / 2))
    if logit:
        np.testing.assert_allclose(slope, probability - label, rtol=1e-4, atol=1e-6)


def test_the_logistic_loss_at_logit_zero_has_the_slope_of_one_half_minus_the_label():
    loss = losses.LOSSES["binary_crossentropy"]
    for label in (0.0, 1.0):
        slope = jax.grad(lambda z, t=label: loss(jnp.full((1, 1), t), z[None, None], {})[0])(0.0)
        assert float(slope) == 0.5 - label


@pytest.mark.parametrize("error", [1e4, -1e4, 1e30])
def test_log_cosh_does_not_overflow(error):
    value = _row_losses("log_cosh", np.zeros((1, 1), np.float32), np.float32([[error]]))
    np.testing.assert_allclose(value, abs(error) - np.log(2), rtol=1e-6)


def test_names_hold_every_loss_and_every_alias_of_one():
    assert set(losses.LOSSES) | set(losses.ALIASES) == set(losses.names())
    assert set(losses.ALIASES.values()) <= set(losses.LOSSES)
    assert len(losses.names()) == len(set(losses.names()))

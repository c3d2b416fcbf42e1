"""Losses per row, against Keras's and against closed forms."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss, mean_poisson_deviance

from kohort.recipe import losses

_REGRESSION = {
    "mse": keras.losses.mean_squared_error,
    "mae": keras.losses.mean_absolute_error,
    "log_cosh": keras.losses.log_cosh,
}


def _row_losses(name, target, output, **numbers):
    loss = losses.loss_of(name, frozenset(numbers))
    return np.asarray(loss(jnp.asarray(target), jnp.asarray(output), numbers))


def _logits_and_labels(classes):
    generator = np.random.default_rng(0)
    output = generator.normal(size=(50, max(1, classes))).astype(np.float32) * 3
    return output, generator.integers(0, max(2, classes), (50, 1)).astype(np.float32)


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


@pytest.mark.parametrize("delta", [0.1, 1.0, 5.0])
def test_huber_is_kerass_row_by_row(delta):
    target, output = np.random.default_rng(0).normal(size=(2, 40, 2)).astype(np.float32) * 3
    expected = np.asarray(keras.losses.huber(target, output, delta))
    np.testing.assert_allclose(
        _row_losses("huber", target, output, huber_delta=delta), expected, rtol=1e-5
    )


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_quantile_is_scikit_learns_pinball_loss(share):
    target, output = np.random.default_rng(0).normal(size=(2, 40, 2)).astype(np.float32)
    ours = _row_losses("quantile", target, output, quantile=share).mean()
    assert ours == pytest.approx(mean_pinball_loss(target, output, alpha=share), rel=1e-6)


def test_the_best_constant_of_the_pinball_loss_is_the_quantile():
    y = np.random.default_rng(0).exponential(size=(2001, 1)).astype(np.float32)
    tried = np.linspace(0, 4, 801, dtype=np.float32)
    risks = [_row_losses("quantile", y, np.full_like(y, c), quantile=0.8).mean() for c in tried]
    assert tried[np.argmin(risks)] == pytest.approx(np.quantile(y, 0.8), abs=0.006)


def test_poisson_is_kerass_and_half_scikit_learns_deviance_up_to_a_constant():
    generator = np.random.default_rng(0)
    target = generator.poisson(3, (60, 1)).astype(np.float32)
    output = generator.normal(size=(60, 1)).astype(np.float32)
    ours = _row_losses("poisson", target, output)
    expected = np.asarray(keras.losses.poisson(target, np.exp(output)))
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    other = output + generator.normal(size=output.shape).astype(np.float32)
    difference = ours.mean() - _row_losses("poisson", target, other).mean()
    deviances = [mean_poisson_deviance(target, np.exp(o)) for o in (output, other)]
    assert difference == pytest.approx((deviances[0] - deviances[1]) / 2, rel=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_label_smoothing_is_kerass(smoothing):
    output, labels = _logits_and_labels(0)
    ours = _row_losses("binary_crossentropy", labels, output, label_smoothing=smoothing)
    expected = keras.losses.binary_crossentropy(
        labels, output, from_logits=True, label_smoothing=smoothing
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    output, labels = _logits_and_labels(5)
    ours = _row_losses("sparse_categorical_crossentropy", labels, output, label_smoothing=smoothing)
    expected = keras.losses.categorical_crossentropy(
        np.eye(5, dtype=np.float32)[labels[:, 0].astype(int)],
        output,
        from_logits=True,
        label_smoothing=smoothing,
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_loss_is_kerass(gamma, smoothing):
    numbers = {"focal_gamma": gamma} | ({"label_smoothing": smoothing} if smoothing else {})
    output, labels = _logits_and_labels(0)
    expected = keras.losses.binary_focal_crossentropy(
        labels, output, gamma=gamma, from_logits=True, label_smoothing=smoothing
    )
    ours = _row_losses("binary_focal_crossentropy", labels, output, **numbers)
    # Keras cuts probabilities at 1e-7.
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    output, labels = _logits_and_labels(5)
    expected = keras.losses.categorical_focal_crossentropy(
        np.eye(5, dtype=np.float32)[labels[:, 0].astype(int)],
        output,
        alpha=1.0,
        gamma=gamma,
        from_logits=True,
        label_smoothing=smoothing,
    )
    ours = _row_losses("categorical_focal_crossentropy", labels, output, **numbers)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


@given(st.floats(-100, 100, width=32), st.floats(0, 5, width=32))
def test_the_focal_loss_has_finite_slopes_for_any_logit_and_exponent(logit, gamma):
    def of(z):
        numbers = {"focal_gamma": gamma}
        loss = losses.loss_of("binary_focal_crossentropy", frozenset())
        return loss(jnp.ones((1, 1)), z[None, None], numbers)[0]

    value, slope = jax.value_and_grad(of)(jnp.float32(logit))
    assert np.isfinite(value)
    assert np.isfinite(slope)


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

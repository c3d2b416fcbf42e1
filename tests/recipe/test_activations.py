"""Activations against Keras's and, where Keras has no such form, against PyTorch's."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from scipy import special

from kohort.errors import ParameterError
from kohort.recipe.activations import ACTIVATIONS, default_alpha
from kohort.recipe.recipe import Recipe

X = np.linspace(-8, 8, 401)
_OWN = ("prelu", "gelu_tanh")
_TORCH = {
    "swish": lambda F, x, alpha: x * F.sigmoid(alpha * x),
    "softplus": lambda F, x, alpha: F.softplus(x, beta=alpha),
    "celu": lambda F, x, alpha: F.celu(x, alpha),
    "elu": lambda F, x, alpha: F.elu(x, alpha),
    "leaky_relu": lambda F, x, alpha: F.leaky_relu(x, alpha),
    "prelu": lambda F, x, alpha: F.leaky_relu(x, alpha),
    "gelu": lambda F, x, alpha: F.gelu(x),
    "gelu_tanh": lambda F, x, alpha: F.gelu(x, approximate="tanh"),
    "mish": lambda F, x, alpha: F.mish(x),
    "silu": lambda F, x, alpha: F.silu(x),
}


def _values(name, x, alpha=None):
    alpha = default_alpha(name) if alpha is None else alpha
    return np.asarray(ACTIVATIONS[name].function(jnp.asarray(x), jnp.asarray(alpha, x.dtype)))


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in _OWN])
def test_with_its_default_number_each_is_kerass(name):
    options = {"approximate": False} if name == "gelu" else {}
    x = X.astype(np.float32)
    expected = np.asarray(keras.activations.get(name)(x, **options))
    np.testing.assert_allclose(_values(name, x), expected, rtol=2e-6, atol=1e-6)


_FORMULAS = {
    "swish": lambda x, alpha: x * special.expit(alpha * x),
    "softplus": lambda x, alpha: np.logaddexp(0, alpha * x) / alpha,
    "celu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "leaky_relu": lambda x, alpha: np.where(x > 0, x, alpha * x),
    "prelu": lambda x, alpha: np.where(x > 0, x, alpha * x),
    "gelu": lambda x, alpha: x * special.ndtr(x),
    "gelu_tanh": lambda x, alpha: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "mish": lambda x, alpha: x * np.tanh(np.logaddexp(0, x)),
    "silu": lambda x, alpha: x * special.expit(x),
}


@pytest.mark.parametrize("alpha", [0.05, 0.7, 1.0, 3.0])
@pytest.mark.parametrize("name", _FORMULAS)
def test_any_number_gives_the_papers_formula_in_double_precision(name, alpha, double_precision):
    with double_precision():
        ours = _values(name, X, alpha)
    np.testing.assert_allclose(ours, _FORMULAS[name](X, alpha), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("alpha", [0.05, 0.7, 1.0, 3.0])
@pytest.mark.parametrize("name", _TORCH)
def test_any_number_gives_pytorchs_values_in_double_precision(name, alpha, double_precision):
    torch = pytest.importorskip("torch")
    with double_precision():
        ours = _values(name, X, alpha)
    theirs = _TORCH[name](torch.nn.functional, torch.from_numpy(X), alpha).numpy()
    # PyTorch's softplus is linear beyond 20, where the two differ by less than exp(-20).
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=3e-9 if name == "softplus" else 1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_of_large_arguments_are_finite(name):
    x = jnp.asarray([-80.0, -20.0, 0.0, 20.0, 80.0])
    alpha = jnp.float32(default_alpha(name))
    values, slopes = jax.vmap(jax.value_and_grad(ACTIVATIONS[name].function), in_axes=(0, None))(
        x, alpha
    )
    assert jnp.isfinite(values).all()
    assert jnp.isfinite(slopes).all()


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "celu", "swish", "softplus"])
def test_the_number_changes_the_activation(name):
    x = X.astype(np.float32)
    assert np.abs(_values(name, x, 0.4) - _values(name, x, 0.9)).max() > 0.01


@pytest.mark.parametrize("name", ["softplus", "celu"])
@pytest.mark.parametrize("alpha", [0, -1.0])
def test_a_number_that_would_divide_by_zero_is_refused(name, alpha):
    with pytest.raises(ParameterError, match="activation_alpha"):
        Recipe.of(loss="mse", activation=name, activation_alpha=alpha)


@pytest.mark.parametrize("name", ["swish", "leaky_relu", "elu"])
def test_other_activations_take_any_number(name):
    for alpha in (-0.5, 0.0):
        assert Recipe.of(loss="mse", activation=name, activation_alpha=alpha)

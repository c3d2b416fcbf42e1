"""Activations of hidden layers, with a slope or shape that is a number and not a program.

Each function takes `x` and `alpha`, the recipe's `activation_alpha`, which most ignore.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kohort.deferred import jax, jnp, keras

Function: TypeAlias = "Callable[[jax.Array, jax.Array], jax.Array]"


@dataclass(frozen=True)
class Activation:
    """One activation.

    Attributes
    ----------
    function : callable
        `function(x, alpha)`, elementwise.
    alpha : float or None
        Default of `activation_alpha`; None where it has no meaning.
    """

    function: Function
    alpha: float | None = None


def _leaky_relu(x: jax.Array, alpha: jax.Array) -> jax.Array:
    return jnp.where(x > 0, x, alpha * x)


def _elu(x: jax.Array, alpha: jax.Array) -> jax.Array:
    """Clevert et al. 2016 (arXiv:1511.07289); the unused branch sees no large argument."""
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0, x)))


def _celu(x: jax.Array, alpha: jax.Array) -> jax.Array:
    """Barron 2017 (arXiv:1704.07483)."""
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0, x) / alpha))


def _swish(x: jax.Array, beta: jax.Array) -> jax.Array:
    """Ramachandran et al. 2017 (arXiv:1710.05941)."""
    return x * jax.nn.sigmoid(beta * x)


def _softplus(x: jax.Array, beta: jax.Array) -> jax.Array:
    return jax.nn.softplus(beta * x) / beta


def _plain(name: str) -> Activation:
    """One of Keras's, which has no number."""
    return Activation(lambda x, alpha: keras.activations.get(name)(x))


ACTIVATIONS: dict[str, Activation] = {
    "relu": _plain("relu"),
    "leaky_relu": Activation(_leaky_relu, 0.2),
    "prelu": Activation(_leaky_relu),
    "elu": Activation(_elu, 1.0),
    "selu": _plain("selu"),
    "softplus": Activation(_softplus, 1.0),
    "silu": _plain("silu"),
    "swish": Activation(_swish, 1.0),
    "gelu": Activation(lambda x, alpha: jax.nn.gelu(x, approximate=False)),
    "gelu_tanh": Activation(lambda x, alpha: jax.nn.gelu(x, approximate=True)),
    "mish": _plain("mish"),
    # Keras's own rounds to single precision.
    "tanh": Activation(lambda x, alpha: jnp.tanh(x)),
    "sigmoid": _plain("sigmoid"),
    "softsign": _plain("softsign"),
    "hard_sigmoid": _plain("hard_sigmoid"),
    "relu6": _plain("relu6"),
    "celu": Activation(_celu, 1.0),
    "hard_silu": _plain("hard_silu"),
    "hard_swish": _plain("hard_swish"),
    "exponential": _plain("exponential"),
    "linear": _plain("linear"),
}
"""Every activation by its Keras identifier; prelu's alpha is an array of trained slopes, and
gelu_tanh is `keras.activations.gelu(x, approximate=True)`."""


def default_alpha(name: str) -> float:
    """Default of `activation_alpha`; 0 where it has no meaning.

    Examples
    --------
    >>> default_alpha("leaky_relu"), default_alpha("relu")
    (0.2, 0.0)
    """
    return ACTIVATIONS[name].alpha or 0.0

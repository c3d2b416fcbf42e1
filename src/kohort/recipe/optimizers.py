"""Keras's optimizers as optax transformations whose hyperparameters are arrays.

Each `update` receives a member's `numbers` (learning rate included) as an extra argument, so that
one compiled program serves every setting. The order of operations is Keras's: decoupled weight
decay on the variable, then the optimizer's own step.

References: `keras.optimizers`; Kingma and Ba 2015 (arXiv:1412.6980); Loshchilov and Hutter 2019
(arXiv:1711.05101); Polyak 1964; Nesterov 1983.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

Tree = Any
Numbers = Mapping[str, jax.Array]


@dataclass(frozen=True)
class Optimizer:
    """One of Keras's optimizers: its compiled family and the numbers that tell it from others.

    Attributes
    ----------
    family : str
        Optimizers of one family share a compiled program.
    fixed : dict
        Numbers that the name itself sets, such as `nesterov`.
    weight_decay : float
        Keras's default decoupled weight decay.
    """

    family: str
    fixed: tuple[tuple[str, float], ...] = ()
    weight_decay: float = 0.0


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer("sgd"),
    "momentum": Optimizer("momentum", (("nesterov", 0.0),)),
    "nesterov": Optimizer("momentum", (("nesterov", 1.0),)),
    "adam": Optimizer("adam"),
    "adamw": Optimizer("adam", weight_decay=0.004),
}


class Momentum(NamedTuple):
    """State of SGD with momentum."""

    velocity: Tree


class Adam(NamedTuple):
    """State of Adam: the step number and both moments."""

    step: jax.Array
    mean: Tree
    square: Tree


def _sgd() -> optax.GradientTransformationExtraArgs:
    def init(params: Tree) -> tuple[()]:
        return ()

    def update(
        grads: Tree, state: tuple[()], params: Tree = None, *, numbers: Numbers, **extra: Any
    ) -> tuple[Tree, tuple[()]]:
        return jax.tree.map(lambda g: -numbers["learning_rate"] * g, grads), state

    return optax.GradientTransformationExtraArgs(init, update)


def _momentum() -> optax.GradientTransformationExtraArgs:
    def init(params: Tree) -> Momentum:
        return Momentum(jax.tree.map(jnp.zeros_like, params))

    def update(
        grads: Tree, state: Momentum, params: Tree = None, *, numbers: Numbers, **extra: Any
    ) -> tuple[Tree, Momentum]:
        rate, momentum = numbers["learning_rate"], numbers["momentum"]
        velocity = jax.tree.map(lambda v, g: momentum * v - rate * g, state.velocity, grads)
        ahead = numbers["nesterov"] > 0
        steps = jax.tree.map(
            lambda v, g: jnp.where(ahead, momentum * v - rate * g, v), velocity, grads
        )
        return steps, Momentum(velocity)

    return optax.GradientTransformationExtraArgs(init, update)


def _adam() -> optax.GradientTransformationExtraArgs:
    def init(params: Tree) -> Adam:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return Adam(jnp.zeros((), jnp.int32), zeros, zeros)

    def update(
        grads: Tree, state: Adam, params: Tree = None, *, numbers: Numbers, **extra: Any
    ) -> tuple[Tree, Adam]:
        beta_1, beta_2 = numbers["beta_1"], numbers["beta_2"]
        step = state.step + 1
        count = step.astype(beta_1.dtype)
        rate = numbers["learning_rate"] * jnp.sqrt(1.0 - beta_2**count) / (1.0 - beta_1**count)
        mean = jax.tree.map(lambda m, g: m + (g - m) * numbers["gain_1"], state.mean, grads)
        square = jax.tree.map(
            lambda v, g: v + (jnp.square(g) - v) * numbers["gain_2"], state.square, grads
        )
        steps = jax.tree.map(
            lambda m, v: -rate * m / (jnp.sqrt(v) + numbers["epsilon"]), mean, square
        )
        return steps, Adam(step, mean, square)

    return optax.GradientTransformationExtraArgs(init, update)


_FAMILIES = {"sgd": _sgd, "momentum": _momentum, "adam": _adam}


def transformation(family: str, decayed: bool) -> optax.GradientTransformationExtraArgs:
    """The transformation of an optimizer family.

    Parameters
    ----------
    family : str
        `Optimizer.family`.
    decayed : bool
        Whether any member uses weight decay; without it, decay costs nothing.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        `update(grads, state, params, numbers=...)`; add its result to `params`.
    """
    inner = _FAMILIES[family]()
    if not decayed:
        return inner

    def update(
        grads: Tree, state: Any, params: Tree = None, *, numbers: Numbers, **extra: Any
    ) -> tuple[Tree, Any]:
        steps, state = inner.update(grads, state, params, numbers=numbers)
        shrink = numbers["learning_rate"] * numbers["weight_decay"]
        return jax.tree.map(lambda s, p: s - shrink * p, steps, params), state

    return optax.GradientTransformationExtraArgs(inner.init, update)

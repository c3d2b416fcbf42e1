"""Adagrad."""

from __future__ import annotations

from typing import NamedTuple

from kohort.deferred import jnp
from kohort.recipe.optimizers.base import Optimizer, Point, Rule, Tree, Uses, over


class Adagrad(NamedTuple):
    """State of Adagrad: the sum of squared gradients."""

    total: Tree


def adagrad(uses: Uses) -> Rule:
    """Adagrad: s = s + g^2; p - eta g / sqrt(s + epsilon), with s = 0.1 at the start.

    Duchi, Hazan and Singer 2011 (Journal of Machine Learning Research 12).
    """

    def init(params: Tree) -> Adagrad:
        return Adagrad(over(lambda p: jnp.full(p.shape, 0.1, p.dtype), params))

    def update(grads: Tree, state: Adagrad, point: Point) -> tuple[Tree, Adagrad]:
        numbers = point.numbers
        rate, epsilon = numbers["learning_rate"], numbers["epsilon"]
        total = over(lambda s, g: s + jnp.square(g), state.total, grads)
        steps = over(lambda s, g: -rate * g / jnp.sqrt(s + epsilon), total, grads)
        return steps, Adagrad(total)

    return Rule(init, update)


ADAGRAD = Optimizer("adagrad", "Adagrad", "adagrad", adagrad, defaults={"epsilon": 1e-7})

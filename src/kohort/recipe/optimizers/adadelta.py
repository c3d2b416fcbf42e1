"""Adadelta."""

from __future__ import annotations

from typing import NamedTuple

from kohort.deferred import jnp
from kohort.recipe.optimizers.base import Optimizer, Point, Rule, Tree, Uses, over, zeros


class Adadelta(NamedTuple):
    """State of Adadelta: running averages of squared gradients and of squared changes."""

    square: Tree
    change: Tree


def adadelta(uses: Uses) -> Rule:
    """Adadelta: d = -g sqrt(c + epsilon) / sqrt(s + epsilon); p + eta d.

    s and c are running averages of g^2 and d^2 with factor rho. Zeiler 2012 (arXiv:1212.5701).
    """

    def init(params: Tree) -> Adadelta:
        return Adadelta(zeros(params), zeros(params))

    def update(grads: Tree, state: Adadelta, point: Point) -> tuple[Tree, Adadelta]:
        numbers = point.numbers
        rho, gain, epsilon = numbers["rho"], numbers["gain_rho"], numbers["epsilon"]
        square = over(lambda s, g: rho * s + gain * jnp.square(g), state.square, grads)
        moves = over(
            lambda c, s, g: -jnp.sqrt(c + epsilon) * g / jnp.sqrt(s + epsilon),
            state.change,
            square,
            grads,
        )
        change = over(lambda c, d: rho * c + gain * jnp.square(d), state.change, moves)
        return over(lambda d: numbers["learning_rate"] * d, moves), Adadelta(square, change)

    return Rule(init, update)


ADADELTA = Optimizer(
    "adadelta", "Adadelta", "adadelta", adadelta, defaults={"rho": 0.95, "epsilon": 1e-7}
)

"""Keras's `SGD` with momentum, plain or Nesterov's."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from kohort.deferred import jnp
from kohort.recipe.optimizers.base import Optimizer, Point, Rule, Tree, Uses, over, zeros


class Momentum(NamedTuple):
    """State of SGD with momentum."""

    velocity: Tree


def momentum(uses: Uses) -> Rule:
    """Momentum: v = mu v - eta g; p + v (Polyak 1964), or p + mu v - eta g (Nesterov 1983)."""

    def init(params: Tree) -> Momentum:
        return Momentum(zeros(params))

    def update(grads: Tree, state: Momentum, point: Point) -> tuple[Tree, Momentum]:
        numbers = point.numbers
        rate, mu = numbers["learning_rate"], numbers["momentum"]
        velocity = over(lambda v, g: mu * v - rate * g, state.velocity, grads)
        ahead = numbers["nesterov"] > 0
        steps = over(lambda v, g: jnp.where(ahead, mu * v - rate * g, v), velocity, grads)
        return steps, Momentum(velocity)

    return Rule(init, update)


MOMENTUM = Optimizer(
    "momentum", "SGD", "momentum", momentum,
    defaults={"momentum": 0.9}, fixed={"nesterov": 0.0}, cycled="momentum", adaptive=False,
)  # fmt: skip
NESTEROV = replace(MOMENTUM, name="nesterov", fixed={"nesterov": 1.0})

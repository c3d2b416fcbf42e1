"""RMSprop, centered or with momentum where asked."""

from __future__ import annotations

from typing import NamedTuple

from kohort.deferred import jnp
from kohort.recipe.optimizers.base import Optimizer, Point, Rule, Tree, Uses, over, zeros


class RMSprop(NamedTuple):
    """State of RMSprop; the last two exist only in programs that use them."""

    square: Tree
    velocity: Tree | None
    mean: Tree | None


def rmsprop(uses: Uses) -> Rule:
    """RMSprop: s = rho s + (1 - rho) g^2; p - eta g / sqrt(s + epsilon).

    Centered, the denominator is sqrt(s - m^2 + epsilon) with m = rho m + (1 - rho) g. With
    momentum, v = mu v + eta g / denominator; p - v. Tieleman and Hinton 2012; Graves 2013
    (arXiv:1308.0850).
    """

    def init(params: Tree) -> RMSprop:
        return RMSprop(
            zeros(params),
            zeros(params) if "momentum" in uses else None,
            zeros(params) if "centered" in uses else None,
        )

    def update(grads: Tree, state: RMSprop, point: Point) -> tuple[Tree, RMSprop]:
        numbers = point.numbers
        rate, rho, gain = numbers["learning_rate"], numbers["rho"], numbers["gain_rho"]
        square = over(lambda s, g: rho * s + gain * jnp.square(g), state.square, grads)
        variance, mean, velocity = square, state.mean, state.velocity
        if "centered" in uses:
            centered = numbers["centered"] > 0
            mean = over(lambda m, g: rho * m + gain * g, mean, grads)
            variance = over(lambda s, m: jnp.where(centered, s - jnp.square(m), s), square, mean)
        epsilon = numbers["epsilon"]
        falls = over(lambda s, g: rate * g / jnp.sqrt(s + epsilon), variance, grads)
        if "momentum" in uses:
            falls = velocity = over(lambda v, s: numbers["momentum"] * v + s, velocity, falls)
        return over(jnp.negative, falls), RMSprop(square, velocity, mean)

    return Rule(init, update)


RMSPROP = Optimizer(
    "rmsprop", "RMSprop", "rmsprop", rmsprop,
    defaults={"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7},
    options=("momentum", "centered"), cycled="momentum",
)  # fmt: skip

"""Adamax."""

from __future__ import annotations

from typing import NamedTuple

from kohort.deferred import jax, jnp
from kohort.recipe.optimizers.base import (
    Optimizer,
    Point,
    Rule,
    Tree,
    Uses,
    first_step,
    over,
    zeros,
)


class Adamax(NamedTuple):
    """State of Adamax: the step number, the first moment and the decaying largest gradient."""

    step: jax.Array
    mean: Tree
    norm: Tree


def adamax(uses: Uses) -> Rule:
    """Adamax: u = max(beta_2 u, |g|); p - eta m / ((1 - beta_1^t) (u + epsilon)).

    Kingma and Ba 2015 (arXiv:1412.6980), section 7.1.
    """

    def init(params: Tree) -> Adamax:
        return Adamax(first_step(), zeros(params), zeros(params))

    def update(grads: Tree, state: Adamax, point: Point) -> tuple[Tree, Adamax]:
        numbers = point.numbers
        step = state.step + 1
        beta_1, epsilon = numbers["beta_1"], numbers["epsilon"]
        rate = numbers["learning_rate"] / (1 - beta_1 ** step.astype(beta_1.dtype))
        mean = over(lambda m, g: m + (g - m) * numbers["gain_1"], state.mean, grads)
        norm = over(lambda u, g: jnp.maximum(numbers["beta_2"] * u, jnp.abs(g)), state.norm, grads)
        steps = over(lambda m, u: -rate * m / (u + epsilon), mean, norm)
        return steps, Adamax(step, mean, norm)

    return Rule(init, update)


ADAMAX = Optimizer(
    "adamax", "Adamax", "adamax", adamax,
    defaults={"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}, cycled="beta_1",
)  # fmt: skip

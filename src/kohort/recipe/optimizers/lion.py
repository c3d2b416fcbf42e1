"""Lion."""

from __future__ import annotations

from typing import NamedTuple

from kohort.deferred import jnp
from kohort.recipe.optimizers.base import Optimizer, Point, Rule, Tree, Uses, over, zeros


class Lion(NamedTuple):
    """State of Lion."""

    mean: Tree


def lion(uses: Uses) -> Rule:
    """Lion: p - eta sign(beta_1 m + (1 - beta_1) g); then m = beta_2 m + (1 - beta_2) g.

    Chen et al. 2023 (arXiv:2302.06675).
    """

    def init(params: Tree) -> Lion:
        return Lion(zeros(params))

    def update(grads: Tree, state: Lion, point: Point) -> tuple[Tree, Lion]:
        numbers = point.numbers
        rate, beta_1, beta_2 = (numbers[name] for name in ("learning_rate", "beta_1", "beta_2"))
        # Keras takes 1 - beta in the variables' precision here.
        steps = over(
            lambda m, g: -rate * jnp.sign(beta_1 * m + (1 - beta_1) * g), state.mean, grads
        )
        mean = over(lambda m, g: beta_2 * m + (1 - beta_2) * g, state.mean, grads)
        return steps, Lion(mean)

    return Rule(init, update)


LION = Optimizer("lion", "Lion", "lion", lion, defaults={"beta_1": 0.9, "beta_2": 0.99})

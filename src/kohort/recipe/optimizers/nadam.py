"""Nadam."""

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


class Nadam(NamedTuple):
    """State of Nadam: the step number, the product of all momenta so far, and both moments."""

    step: jax.Array
    product: jax.Array
    mean: Tree
    square: Tree


def nadam(uses: Uses) -> Rule:
    """Nadam: Adam with Nesterov's momentum, whose momentum grows as beta_1 (1 - 0.96^t / 2).

    Dozat 2016, "Incorporating Nesterov momentum into Adam".
    """

    def init(params: Tree) -> Nadam:
        one = jnp.ones((), jax.tree.leaves(params)[0].dtype)
        return Nadam(first_step(), one, zeros(params), zeros(params))

    def update(grads: Tree, state: Nadam, point: Point) -> tuple[Tree, Nadam]:
        numbers = point.numbers
        rate, epsilon = numbers["learning_rate"], numbers["epsilon"]
        beta_1, beta_2 = numbers["beta_1"], numbers["beta_2"]
        step = state.step + 1
        count = step.astype(beta_1.dtype)
        fade = 0.5 * 0.96**count
        mu, next_mu = beta_1 * (1 - fade), beta_1 * (1 - 0.96 * fade)
        product = state.product * mu
        of_mean = rate * next_mu / (1 - product * next_mu)
        of_gradient = rate * (1 - mu) / (1 - product)
        unbias = jax.lax.rsqrt(1 - beta_2**count)
        # Keras takes 1 - beta in the variables' precision here.
        mean = over(lambda m, g: m + (g - m) * (1 - beta_1), state.mean, grads)
        square = over(lambda s, g: s + (jnp.square(g) - s) * (1 - beta_2), state.square, grads)
        steps = over(
            lambda m, s, g: -(of_mean * m + of_gradient * g) / (jnp.sqrt(s) * unbias + epsilon),
            mean,
            square,
            grads,
        )
        return steps, Nadam(step, product, mean, square)

    return Rule(init, update)


NADAM = Optimizer(
    "nadam", "Nadam", "nadam", nadam,
    defaults={"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}, cycled="beta_1",
)  # fmt: skip

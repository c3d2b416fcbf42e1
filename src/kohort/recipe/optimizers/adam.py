"""Adam, with AMSGrad where asked, and AdamW, which is Adam with decoupled weight decay."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from kohort.deferred import jax, jnp
from kohort.recipe.optimizers.base import (
    Optimizer,
    Point,
    Rule,
    Tree,
    Uses,
    adam_rate,
    first_step,
    over,
    zeros,
)


class Adam(NamedTuple):
    """State of Adam: the step number, both moments, and AMSGrad's largest second moment."""

    step: jax.Array
    mean: Tree
    square: Tree
    largest: Tree | None


def adam(uses: Uses) -> Rule:
    """Adam: p - eta sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(s) + epsilon).

    m and s are running averages of g and g^2; AMSGrad takes the largest s so far. Kingma and Ba
    2015 (arXiv:1412.6980); Reddi, Kale and Kumar 2018 (arXiv:1904.09237).
    """

    def init(params: Tree) -> Adam:
        largest = zeros(params) if "amsgrad" in uses else None
        return Adam(first_step(), zeros(params), zeros(params), largest)

    def update(grads: Tree, state: Adam, point: Point) -> tuple[Tree, Adam]:
        numbers = point.numbers
        step = state.step + 1
        rate, epsilon = adam_rate(step, numbers), numbers["epsilon"]
        mean = over(lambda m, g: m + (g - m) * numbers["gain_1"], state.mean, grads)
        square = over(lambda s, g: s + (jnp.square(g) - s) * numbers["gain_2"], state.square, grads)
        largest, scale = state.largest, square
        if "amsgrad" in uses:
            on = numbers["amsgrad"] > 0
            largest = scale = over(
                lambda h, s: jnp.where(on, jnp.maximum(h, s), s), largest, square
            )
        steps = over(lambda m, s: -rate * m / (jnp.sqrt(s) + epsilon), mean, scale)
        return steps, Adam(step, mean, square, largest)

    return Rule(init, update)


ADAM = Optimizer(
    "adam", "Adam", "adam", adam,
    defaults={"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}, options=("amsgrad",),
    cycled="beta_1",
)  # fmt: skip
ADAMW = replace(
    ADAM, name="adamw", keras_class="AdamW", defaults={**dict(ADAM.defaults), "weight_decay": 0.004}
)

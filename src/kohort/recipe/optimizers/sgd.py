"""Plain gradient descent: Keras's `SGD` without momentum."""

from __future__ import annotations

from kohort.recipe.optimizers.base import Optimizer, Point, Rule, Tree, Uses, over


def sgd(uses: Uses) -> Rule:
    """Gradient descent: p - eta g."""

    def init(params: Tree) -> tuple[()]:
        return ()

    def update(grads: Tree, state: tuple[()], point: Point) -> tuple[Tree, tuple[()]]:
        numbers = point.numbers
        return over(lambda g: -numbers["learning_rate"] * g, grads), state

    return Rule(init, update)


SGD = Optimizer("sgd", "SGD", "sgd", sgd, adaptive=False)

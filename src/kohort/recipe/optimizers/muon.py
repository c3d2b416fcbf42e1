"""Muon for matrices, Adam for the rest."""

from __future__ import annotations

from typing import Any, NamedTuple

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


class Muon(NamedTuple):
    """State of Muon; `square` is empty for matrices, which have no second moment."""

    step: jax.Array
    mean: Tree
    square: Tree


def muon(uses: Uses) -> Rule:
    """Muon: m = mu m + g; p - 0.2 eta sqrt(max(rows, columns)) orthogonal(g + mu m).

    Every matrix, the output layer's too, takes this step; other variables take Adam's. Jordan et
    al. 2024; scale of Liu et al. 2025 (arXiv:2502.16982). `shapes` are the variables' real
    dimensions, by default those of the arrays.
    """

    def init(params: Tree) -> Muon:
        square = over(lambda p: jnp.zeros((0,) if p.ndim == 2 else p.shape, p.dtype), params)
        return Muon(first_step(), zeros(params), square)

    def update(grads: Tree, state: Muon, point: Point) -> tuple[Tree, Muon]:
        numbers, shapes = point.numbers, point.shapes
        step = state.step + 1
        rate, rate_of_adam = numbers["learning_rate"], adam_rate(step, numbers)
        mu, epsilon = numbers["momentum"], numbers["epsilon"]

        def mean_of(m: jax.Array, g: jax.Array) -> jax.Array:
            return mu * m + g if g.ndim == 2 else m + (g - m) * numbers["gain_1"]

        def square_of(s: jax.Array, g: jax.Array) -> jax.Array:
            return s if g.ndim == 2 else s + (jnp.square(g) - s) * numbers["gain_2"]

        def step_of(g: jax.Array, m: jax.Array, s: jax.Array, shape: tuple[Any, ...]) -> jax.Array:
            if g.ndim != 2:
                return -rate_of_adam * m / (jnp.sqrt(s) + epsilon)
            longest = jnp.maximum(shape[0], shape[1]).astype(g.dtype)
            return -rate * 0.2 * jnp.sqrt(longest) * orthogonal(g + mu * m)

        mean = over(mean_of, state.mean, grads)
        square = over(square_of, state.square, grads)
        return over(step_of, grads, mean, square, shapes), Muon(step, mean, square)

    return Rule(init, update)


def orthogonal(matrix: jax.Array) -> jax.Array:
    """Nearly the orthogonal factor U V^T of a matrix U S V^T, by five Newton-Schulz iterations.

    The singular values that come out lie around 1, except those far below the largest. Rows and
    columns of zeros stay zero and do not change the rest. Jordan et al. 2024.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (jnp.sqrt(jnp.sum(jnp.square(x))) + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


MUON = Optimizer(
    "muon", "Muon", "muon", muon,
    defaults={
        "momentum": 0.95, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": 0.004
    },
    keras_names={"beta_1": "adam_beta_1", "beta_2": "adam_beta_2"},
    keras_more={"adam_weight_decay": "weight_decay"},
    cycled="momentum",
)  # fmt: skip

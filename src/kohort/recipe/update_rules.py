"""The update rule of each family of Keras's optimizers, with hyperparameters that are arrays.

A rule is made for the techniques that its program contains (`uses`), and its `update` receives a
member's `numbers`, each a scalar array. Factors that all entries of a step share are computed once
per step, as scalars. `gain_1`, `gain_2` and `gain_rho` are 1 - beta_1, 1 - beta_2 and 1 - rho,
taken in double precision where Keras does so. Every rule leaves zeros at zero, so that variables
may be padded with zeros.

In the formulas, g is the gradient, p the variable, t the step counted from 1, eta the learning
rate.

References: the sources of `keras.optimizers`, and the articles that each rule names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Tree = Any
Numbers = Mapping[str, jax.Array]
Shapes = Sequence[tuple[Any, ...]]
Uses = frozenset[str]

_map = jax.tree.map


class Rule(NamedTuple):
    """An update rule: `init(params)`, and `update(grads, state, numbers, shapes)`.

    `update` returns what is to be added to the variables, and the next state. `shapes` holds a
    tuple of real dimensions per variable.
    """

    init: Callable[[Tree], Any]
    update: Callable[[Tree, Any, Numbers, Shapes], tuple[Tree, Any]]


class Momentum(NamedTuple):
    """State of SGD with momentum."""

    velocity: Tree


class Adagrad(NamedTuple):
    """State of Adagrad: the sum of squared gradients."""

    total: Tree


class RMSprop(NamedTuple):
    """State of RMSprop; the last two exist only in programs that use them."""

    square: Tree
    velocity: Tree | None
    mean: Tree | None


class Adam(NamedTuple):
    """State of Adam: the step number, both moments, and AMSGrad's largest second moment."""

    step: jax.Array
    mean: Tree
    square: Tree
    largest: Tree | None


class Adamax(NamedTuple):
    """State of Adamax: the step number, the first moment and the decaying largest gradient."""

    step: jax.Array
    mean: Tree
    norm: Tree


class Nadam(NamedTuple):
    """State of Nadam: the step number, the product of all momenta so far, and both moments."""

    step: jax.Array
    product: jax.Array
    mean: Tree
    square: Tree


class Adadelta(NamedTuple):
    """State of Adadelta: running averages of squared gradients and of squared changes."""

    square: Tree
    change: Tree


class Lion(NamedTuple):
    """State of Lion."""

    mean: Tree


class Muon(NamedTuple):
    """State of Muon; `square` is empty for matrices, which have no second moment."""

    step: jax.Array
    mean: Tree
    square: Tree


def sgd(uses: Uses) -> Rule:
    """Gradient descent: p - eta g."""

    def init(params: Tree) -> tuple[()]:
        return ()

    def update(
        grads: Tree, state: tuple[()], numbers: Numbers, shapes: Shapes
    ) -> tuple[Tree, tuple[()]]:
        return _map(lambda g: -numbers["learning_rate"] * g, grads), state

    return Rule(init, update)


def momentum(uses: Uses) -> Rule:
    """Momentum: v = mu v - eta g; p + v (Polyak 1964), or p + mu v - eta g (Nesterov 1983)."""

    def init(params: Tree) -> Momentum:
        return Momentum(_zeros(params))

    def update(
        grads: Tree, state: Momentum, numbers: Numbers, shapes: Shapes
    ) -> tuple[Tree, Momentum]:
        rate, mu = numbers["learning_rate"], numbers["momentum"]
        velocity = _map(lambda v, g: mu * v - rate * g, state.velocity, grads)
        ahead = numbers["nesterov"] > 0
        steps = _map(lambda v, g: jnp.where(ahead, mu * v - rate * g, v), velocity, grads)
        return steps, Momentum(velocity)

    return Rule(init, update)


def adagrad(uses: Uses) -> Rule:
    """Adagrad: s = s + g^2; p - eta g / sqrt(s + epsilon), with s = 0.1 at the start.

    Duchi, Hazan and Singer 2011 (Journal of Machine Learning Research 12).
    """

    def init(params: Tree) -> Adagrad:
        return Adagrad(_map(lambda p: jnp.full(p.shape, 0.1, p.dtype), params))

    def update(
        grads: Tree, state: Adagrad, numbers: Numbers, shapes: Shapes
    ) -> tuple[Tree, Adagrad]:
        rate, epsilon = numbers["learning_rate"], numbers["epsilon"]
        total = _map(lambda s, g: s + jnp.square(g), state.total, grads)
        steps = _map(lambda s, g: -rate * g / jnp.sqrt(s + epsilon), total, grads)
        return steps, Adagrad(total)

    return Rule(init, update)


def rmsprop(uses: Uses) -> Rule:
    """RMSprop: s = rho s + (1 - rho) g^2; p - eta g / sqrt(s + epsilon).

    Centered, the denominator is sqrt(s - m^2 + epsilon) with m = rho m + (1 - rho) g. With
    momentum, v = mu v + eta g / denominator; p - v. Tieleman and Hinton 2012; Graves 2013
    (arXiv:1308.0850).
    """

    def init(params: Tree) -> RMSprop:
        return RMSprop(
            _zeros(params),
            _zeros(params) if "momentum" in uses else None,
            _zeros(params) if "centered" in uses else None,
        )

    def update(
        grads: Tree, state: RMSprop, numbers: Numbers, shapes: Shapes
    ) -> tuple[Tree, RMSprop]:
        rate, rho, gain = numbers["learning_rate"], numbers["rho"], numbers["gain_rho"]
        square = _map(lambda s, g: rho * s + gain * jnp.square(g), state.square, grads)
        variance, mean, velocity = square, state.mean, state.velocity
        if "centered" in uses:
            centered = numbers["centered"] > 0
            mean = _map(lambda m, g: rho * m + gain * g, mean, grads)
            variance = _map(lambda s, m: jnp.where(centered, s - jnp.square(m), s), square, mean)
        epsilon = numbers["epsilon"]
        steps = _map(lambda s, g: -rate * g / jnp.sqrt(s + epsilon), variance, grads)
        if "momentum" in uses:
            steps = velocity = _map(lambda v, s: numbers["momentum"] * v + s, velocity, steps)
        return steps, RMSprop(square, velocity, mean)

    return Rule(init, update)


def adam(uses: Uses) -> Rule:
    """Adam: p - eta sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(s) + epsilon).

    m and s are running averages of g and g^2; AMSGrad takes the largest s so far. Kingma and Ba
    2015 (arXiv:1412.6980); Reddi, Kale and Kumar 2018 (arXiv:1904.09237).
    """

    def init(params: Tree) -> Adam:
        largest = _zeros(params) if "amsgrad" in uses else None
        return Adam(_first(), _zeros(params), _zeros(params), largest)

    def update(grads: Tree, state: Adam, numbers: Numbers, shapes: Shapes) -> tuple[Tree, Adam]:
        step = state.step + 1
        rate, epsilon = _adam_rate(step, numbers), numbers["epsilon"]
        mean = _map(lambda m, g: m + (g - m) * numbers["gain_1"], state.mean, grads)
        square = _map(lambda s, g: s + (jnp.square(g) - s) * numbers["gain_2"], state.square, grads)
        largest, scale = state.largest, square
        if "amsgrad" in uses:
            on = numbers["amsgrad"] > 0
            largest = scale = _map(
                lambda h, s: jnp.where(on, jnp.maximum(h, s), s), largest, square
            )
        steps = _map(lambda m, s: -rate * m / (jnp.sqrt(s) + epsilon), mean, scale)
        return steps, Adam(step, mean, square, largest)

    return Rule(init, update)


def adamax(uses: Uses) -> Rule:
    """Adamax: u = max(beta_2 u, |g|); p - eta m / ((1 - beta_1^t) (u + epsilon)).

    Kingma and Ba 2015 (arXiv:1412.6980), section 7.1.
    """

    def init(params: Tree) -> Adamax:
        return Adamax(_first(), _zeros(params), _zeros(params))

    def update(grads: Tree, state: Adamax, numbers: Numbers, shapes: Shapes) -> tuple[Tree, Adamax]:
        step = state.step + 1
        beta_1, epsilon = numbers["beta_1"], numbers["epsilon"]
        rate = numbers["learning_rate"] / (1 - beta_1 ** step.astype(beta_1.dtype))
        mean = _map(lambda m, g: m + (g - m) * numbers["gain_1"], state.mean, grads)
        norm = _map(lambda u, g: jnp.maximum(numbers["beta_2"] * u, jnp.abs(g)), state.norm, grads)
        steps = _map(lambda m, u: -rate * m / (u + epsilon), mean, norm)
        return steps, Adamax(step, mean, norm)

    return Rule(init, update)


def nadam(uses: Uses) -> Rule:
    """Nadam: Adam with Nesterov's momentum, whose momentum grows as beta_1 (1 - 0.96^t / 2).

    Dozat 2016, "Incorporating Nesterov momentum into Adam".
    """

    def init(params: Tree) -> Nadam:
        one = jnp.ones((), jax.tree.leaves(params)[0].dtype)
        return Nadam(_first(), one, _zeros(params), _zeros(params))

    def update(grads: Tree, state: Nadam, numbers: Numbers, shapes: Shapes) -> tuple[Tree, Nadam]:
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
        mean = _map(lambda m, g: m + (g - m) * (1 - beta_1), state.mean, grads)
        square = _map(lambda s, g: s + (jnp.square(g) - s) * (1 - beta_2), state.square, grads)
        steps = _map(
            lambda m, s, g: -(of_mean * m + of_gradient * g) / (jnp.sqrt(s) * unbias + epsilon),
            mean,
            square,
            grads,
        )
        return steps, Nadam(step, product, mean, square)

    return Rule(init, update)


def adadelta(uses: Uses) -> Rule:
    """Adadelta: d = -g sqrt(c + epsilon) / sqrt(s + epsilon); p + eta d.

    s and c are running averages of g^2 and d^2 with factor rho. Zeiler 2012 (arXiv:1212.5701).
    """

    def init(params: Tree) -> Adadelta:
        return Adadelta(_zeros(params), _zeros(params))

    def update(
        grads: Tree, state: Adadelta, numbers: Numbers, shapes: Shapes
    ) -> tuple[Tree, Adadelta]:
        rho, gain, epsilon = numbers["rho"], numbers["gain_rho"], numbers["epsilon"]
        square = _map(lambda s, g: rho * s + gain * jnp.square(g), state.square, grads)
        moves = _map(
            lambda c, s, g: -jnp.sqrt(c + epsilon) * g / jnp.sqrt(s + epsilon),
            state.change,
            square,
            grads,
        )
        change = _map(lambda c, d: rho * c + gain * jnp.square(d), state.change, moves)
        return _map(lambda d: numbers["learning_rate"] * d, moves), Adadelta(square, change)

    return Rule(init, update)


def lion(uses: Uses) -> Rule:
    """Lion: p - eta sign(beta_1 m + (1 - beta_1) g); then m = beta_2 m + (1 - beta_2) g.

    Chen et al. 2023 (arXiv:2302.06675).
    """

    def init(params: Tree) -> Lion:
        return Lion(_zeros(params))

    def update(grads: Tree, state: Lion, numbers: Numbers, shapes: Shapes) -> tuple[Tree, Lion]:
        rate, beta_1, beta_2 = (numbers[name] for name in ("learning_rate", "beta_1", "beta_2"))
        # Keras takes 1 - beta in the variables' precision here.
        steps = _map(
            lambda m, g: -rate * jnp.sign(beta_1 * m + (1 - beta_1) * g), state.mean, grads
        )
        mean = _map(lambda m, g: beta_2 * m + (1 - beta_2) * g, state.mean, grads)
        return steps, Lion(mean)

    return Rule(init, update)


def muon(uses: Uses) -> Rule:
    """Muon: m = mu m + g; p - 0.2 eta sqrt(max(rows, columns)) orthogonal(g + mu m).

    Every matrix, the output layer's too, takes this step; other variables take Adam's. Jordan et
    al. 2024; scale of Liu et al. 2025 (arXiv:2502.16982). `shapes` are the variables' real
    dimensions, by default those of the arrays.
    """

    def init(params: Tree) -> Muon:
        square = _map(lambda p: jnp.zeros((0,) if p.ndim == 2 else p.shape, p.dtype), params)
        return Muon(_first(), _zeros(params), square)

    def update(grads: Tree, state: Muon, numbers: Numbers, shapes: Shapes) -> tuple[Tree, Muon]:
        step = state.step + 1
        rate, adam_rate = numbers["learning_rate"], _adam_rate(step, numbers)
        mu, epsilon = numbers["momentum"], numbers["epsilon"]

        def mean_of(m: jax.Array, g: jax.Array) -> jax.Array:
            return mu * m + g if g.ndim == 2 else m + (g - m) * numbers["gain_1"]

        def square_of(s: jax.Array, g: jax.Array) -> jax.Array:
            return s if g.ndim == 2 else s + (jnp.square(g) - s) * numbers["gain_2"]

        def step_of(g: jax.Array, m: jax.Array, s: jax.Array, shape: tuple[Any, ...]) -> jax.Array:
            if g.ndim != 2:
                return -adam_rate * m / (jnp.sqrt(s) + epsilon)
            longest = jnp.maximum(shape[0], shape[1]).astype(g.dtype)
            return -rate * 0.2 * jnp.sqrt(longest) * orthogonal(g + mu * m)

        mean = _map(mean_of, state.mean, grads)
        square = _map(square_of, state.square, grads)
        return _map(step_of, grads, mean, square, shapes), Muon(step, mean, square)

    return Rule(init, update)


RULES: dict[str, Callable[[Uses], Rule]] = {
    rule.__name__: rule
    for rule in (
        sgd, momentum, adagrad, rmsprop, adam, adamax, nadam, adadelta, lion, muon,
    )
}  # fmt: skip
"""Update rule of each family."""


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


def _zeros(params: Tree) -> Tree:
    return _map(jnp.zeros_like, params)


def _first() -> jax.Array:
    return jnp.zeros((), jnp.int32)


def _adam_rate(step: jax.Array, numbers: Numbers) -> jax.Array:
    """Adam's learning rate with the bias corrections of both moments."""
    beta_1, beta_2 = numbers["beta_1"], numbers["beta_2"]
    count = step.astype(beta_1.dtype)
    return numbers["learning_rate"] * jnp.sqrt(1 - beta_2**count) / (1 - beta_1**count)

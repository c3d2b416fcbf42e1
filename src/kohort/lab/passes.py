"""One pass forwards and backwards through an untrained network, in NumPy and in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from kohort.engine.member import Floats
from kohort.recipe.initializers import draw


class Start(NamedTuple):
    """How the hidden layers of a network start.

    Attributes
    ----------
    depth, width
        Hidden layers, and units of each; both >= 1.
    activation
        "relu", "tanh" or "sigmoid".
    initializer
        As `kernel_initializer`.
    scale
        As `kernel_scale`.
    """

    depth: int
    width: int
    activation: str
    initializer: str
    scale: float = 0.05


class Signals(NamedTuple):
    """Sizes of the signals at each hidden layer, the one next to the inputs first; shapes (layer,).

    Attributes
    ----------
    forward
        Mean square of the activations.
    backward
        Mean square of the gradient in the activation's argument.
    """

    forward: Floats
    backward: Floats


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))


_FUNCTIONS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(np.float64)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
}


def measured(start: Start, X: Floats, y: NDArray[Any], seed: int) -> Signals:
    """Signals of one batch, with cross-entropy behind an output layer of Glorot's kernels.

    Parameters
    ----------
    start : Start
    X : array, shape (row, feature)
    y : array, shape (row,)
        Classes.
    seed : int
        Of the initial weights.
    """
    with threadpool_limits(limits=1):  # Products so small are slower on several threads.
        return _passed(start, np.asarray(X, np.float64), y, np.random.default_rng(seed))


def _passed(start: Start, X: Floats, y: NDArray[Any], draws: np.random.Generator) -> Signals:
    function, slope = _FUNCTIONS[start.activation]
    classes, numbers = np.unique(y, return_inverse=True)
    kernels: list[Floats] = []
    inputs, before = [X], []
    for _ in range(start.depth):
        shape = inputs[-1].shape[1], start.width
        kernels.append(draw(start.initializer, shape, draws, start.scale))
        before.append(inputs[-1] @ kernels[-1])
        inputs.append(function(before[-1]))
    output = draw("glorot_uniform", (start.width, len(classes)), draws)
    logits = inputs[-1] @ output
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    gradient = (chances - np.eye(len(classes))[numbers]) / len(y) @ output.T
    backward = []
    for layer in reversed(range(start.depth)):
        gradient = gradient * slope(before[layer])
        backward.append(float(np.mean(gradient**2)))
        gradient = gradient @ kernels[layer].T
    forward = np.array([np.mean(h**2) for h in inputs[1:]])
    return Signals(forward, np.array(backward[::-1]))


def expected(start: Start, features: int, size: float) -> Signals:
    """The same of infinitely wide layers, whose sums are normal (Poole et al. 2016).

    With q the variance of a layer's sums and v that of a weight, the next layer's are
    `width * v * E[f(z)^2]`, and the mean square of a gradient shrinks by `width * v * E[f'(z)^2]`
    from layer to layer, where z is normal with variance q. `backward` is relative to the last
    layer.

    Parameters
    ----------
    start : Start
    features : int
    size : float
        Mean square of the inputs.
    """
    function, slope = _FUNCTIONS[start.activation]
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = weights / weights.sum()
    variance = _variance(start, features) * features * size
    forward, passed = [], []
    for _ in range(start.depth):
        z = np.sqrt(variance) * nodes
        forward.append(float(weights @ function(z) ** 2))
        passed.append(float(weights @ slope(z) ** 2))
        variance = _variance(start, start.width) * start.width * forward[-1]
    factors = _variance(start, start.width) * start.width * np.array(passed)
    behind = np.append(np.cumprod(factors[:-1][::-1])[::-1], 1.0)
    return Signals(np.array(forward), behind)


def _variance(start: Start, fan_in: int) -> float:
    """Variance of a weight."""
    match start.initializer.split("_")[0]:
        case "he":
            return 2 / fan_in
        case "glorot":
            return 2 / (fan_in + start.width)
        case _:
            return start.scale**2

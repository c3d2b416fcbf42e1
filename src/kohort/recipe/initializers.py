"""Initial kernels, drawn on the host from a member's own generator at the network's real width."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Kernel = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...], float], Kernel]

_LOW, _HIGH = float(ndtr(-2.0)), float(ndtr(2.0))
# Standard deviation of a unit normal cut at two deviations, which Keras divides out.
_TRUNCATED_DEVIATION = 0.87962566103423978


def _uniform(generator: np.random.Generator, shape: tuple[int, ...], variance: float) -> Kernel:
    limit = math.sqrt(3.0 * variance)
    return generator.uniform(-limit, limit, shape)


def _truncated_normal(
    generator: np.random.Generator, shape: tuple[int, ...], variance: float
) -> Kernel:
    deviation = math.sqrt(variance) / _TRUNCATED_DEVIATION
    return np.asarray(ndtri(generator.uniform(_LOW, _HIGH, shape)) * deviation)


# Keras's VarianceScaling family: name -> (scale, fan mode, distribution).
_VARIANCE_SCALING: dict[str, tuple[float, str, Draw]] = {
    "glorot_uniform": (1.0, "average", _uniform),
    "glorot_normal": (1.0, "average", _truncated_normal),
    "he_uniform": (2.0, "in", _uniform),
    "he_normal": (2.0, "in", _truncated_normal),
    "lecun_uniform": (1.0, "in", _uniform),
    "lecun_normal": (1.0, "in", _truncated_normal),
}

NAMES = ("auto", *_VARIANCE_SCALING, "zeros")

_HE = frozenset(
    "relu leaky_relu elu gelu silu swish mish softplus relu6 celu hard_silu hard_swish".split()
)


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Fan in and fan out of a kernel whose last two axes are (inputs, outputs).

    Examples
    --------
    >>> fans((8, 50))
    (8.0, 50.0)
    """
    receptive = math.prod(shape[:-2])
    return float(shape[-2] * receptive), float(shape[-1] * receptive)


def resolve(name: str, activation: Any) -> str:
    """Replace `"auto"`: He for the ReLU family, LeCun for SELU, Glorot for everything else.

    Sources: He et al. 2015 (arXiv:1502.01852); Klambauer et al. 2017 (arXiv:1706.02515); Glorot
    and Bengio 2010.

    Examples
    --------
    >>> resolve("auto", "relu"), resolve("auto", "selu"), resolve("auto", "tanh")
    ('he_normal', 'lecun_normal', 'glorot_uniform')
    """
    if name != "auto":
        return name
    if activation in _HE:
        return "he_normal"
    return "lecun_normal" if activation == "selu" else "glorot_uniform"


def draw(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> Kernel:
    """Draw one kernel.

    Parameters
    ----------
    name : str
        A Keras initializer identifier other than `"auto"`.
    shape : tuple of int
        `(inputs, outputs)`, or `(height, width, inputs, outputs)`.
    generator : numpy.random.Generator
        Source of the numbers; the same generator state gives the same kernel.

    Returns
    -------
    numpy.ndarray of float64, of `shape`
    """
    if name == "zeros":
        return np.zeros(shape)
    scale, mode, distribution = _VARIANCE_SCALING[name]
    fan_in, fan_out = fans(shape)
    fan = fan_in if mode == "in" else (fan_in + fan_out) / 2.0
    return distribution(generator, shape, scale / max(1.0, fan))

"""Initial kernels, drawn on the host from a member's own generator at the network's real width."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Kernel = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...], float], Kernel]

# Standard deviation of a unit normal cut at two deviations, which Keras divides out.
_TRUNCATED_DEVIATION = 0.87962566103423978


def _uniform(generator: np.random.Generator, shape: tuple[int, ...], variance: float) -> Kernel:
    limit = math.sqrt(3.0 * variance)
    return generator.uniform(-limit, limit, shape)


def _truncated_normal(
    generator: np.random.Generator, shape: tuple[int, ...], variance: float
) -> Kernel:
    deviation = math.sqrt(variance) / _TRUNCATED_DEVIATION
    from scipy.special import (
        ndtr,
        ndtri,
    )  # Where it is used: the command line does not wait for it.

    uniform = generator.uniform(float(ndtr(-2.0)), float(ndtr(2.0)), shape)
    return np.asarray(ndtri(uniform) * deviation)


def _untruncated_normal(
    generator: np.random.Generator, shape: tuple[int, ...], variance: float
) -> Kernel:
    return generator.normal(0.0, math.sqrt(variance), shape)


_DISTRIBUTIONS: dict[str, Draw] = {
    "uniform": _uniform,
    "truncated_normal": _truncated_normal,
    "untruncated_normal": _untruncated_normal,
}

# Keras's VarianceScaling family: name -> (scale, fan mode, distribution).
_VARIANCE_SCALING: dict[str, tuple[float, str, str]] = {
    "glorot_uniform": (1.0, "fan_avg", "uniform"),
    "glorot_normal": (1.0, "fan_avg", "truncated_normal"),
    "he_uniform": (2.0, "fan_in", "uniform"),
    "he_normal": (2.0, "fan_in", "truncated_normal"),
    "lecun_uniform": (1.0, "fan_in", "uniform"),
    "lecun_normal": (1.0, "fan_in", "truncated_normal"),
}

NAMES = (
    "auto", *_VARIANCE_SCALING, "orthogonal", "truncated_normal", "random_normal", "zeros"
)  # fmt: skip

_HE = frozenset(
    "relu leaky_relu prelu elu celu relu6 softplus silu swish hard_silu hard_swish gelu gelu_tanh "
    "mish".split()
)


_SHALLOW = 4
"""Hidden layers up to which Glorot's kernels lose nothing that matters."""


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Fan in and fan out of a kernel whose last two axes are (inputs, outputs); of a vector, its
    length.

    Examples
    --------
    >>> fans((8, 50))
    (8.0, 50.0)
    """
    if len(shape) < 2:
        return (float(math.prod(shape)),) * 2
    receptive = math.prod(shape[:-2])
    return float(shape[-2] * receptive), float(shape[-1] * receptive)


def resolve(name: str, activation: Any, depth: int) -> str:
    """Replace `"auto"`: LeCun for SELU, He for deep networks of the ReLU family, else Glorot.

    He's variance keeps a signal's size through many layers, Glorot's halves it at each. Where they
    are few nothing is lost, and of a table with few columns Glorot's kernels are the smaller ones:
    a function that is nearly flat has less to unlearn (docs/defaults.md).

    Sources: He et al. 2015 (arXiv:1502.01852); Klambauer et al. 2017 (arXiv:1706.02515); Glorot
    and Bengio 2010.

    Parameters
    ----------
    name, activation : str
    depth : int
        Hidden layers.

    Examples
    --------
    >>> resolve("auto", "relu", 2), resolve("auto", "relu", 5), resolve("auto", "selu", 2)
    ('glorot_uniform', 'he_normal', 'lecun_normal')
    """
    if name != "auto":
        return name
    if activation in _HE and depth > _SHALLOW:
        return "he_normal"
    return "lecun_normal" if activation == "selu" else "glorot_uniform"


def orthogonal(shape: tuple[int, ...], generator: np.random.Generator) -> Kernel:
    """Saxe et al. 2014 (arXiv:1312.6120): orthonormal rows or columns, uniformly distributed."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    tall = generator.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(q.T if rows < columns else q).reshape(shape)


def draw(
    name: str, shape: tuple[int, ...], generator: np.random.Generator, scale: float = 0.05
) -> Kernel:
    """Draw one kernel.

    Parameters
    ----------
    name : str
        A Keras initializer identifier other than `"auto"`.
    shape : tuple of int
        `(inputs, outputs)`, or `(height, width, inputs, outputs)`.
    generator : numpy.random.Generator
        Source of the numbers; the same generator state gives the same kernel.
    scale : float
        Deviation of `"random_normal"`, and of `"truncated_normal"` before it is cut at two
        deviations, as Keras has it.

    Returns
    -------
    numpy.ndarray of float64, of `shape`
    """
    if name == "zeros":
        return np.zeros(shape)
    if name == "orthogonal":
        return orthogonal(shape, generator)
    if name == "random_normal":
        return generator.normal(0.0, scale, shape)
    if name == "truncated_normal":
        return _truncated_normal(generator, shape, (scale * _TRUNCATED_DEVIATION) ** 2)
    return draw_scaled(shape, generator, *_VARIANCE_SCALING[name])


def draw_scaled(
    shape: tuple[int, ...],
    generator: np.random.Generator,
    scale: float,
    mode: str,
    distribution: str,
) -> Kernel:
    """Draw one kernel as Keras's `VarianceScaling(scale, mode, distribution)` does."""
    fan_in, fan_out = fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[mode]
    return _DISTRIBUTIONS[distribution](generator, shape, scale / max(1.0, fan))

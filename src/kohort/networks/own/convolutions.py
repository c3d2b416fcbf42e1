"""Convolutions with their axes in the order that XLA's CPU backend has a fast kernel for.

XLA puts the axes of a convolution in order only outside of loops. A training program is a loop, in
which the gradient of a kernel then ran 15 times slower (docs/performance.md).
"""

from __future__ import annotations

import math
from typing import Any

from kohort.deferred import jax

NAME = "conv_general_dilated"


def scratch(kernel: tuple[int, ...], result: tuple[int, ...], params: dict[str, Any]) -> int:
    """Numbers that the CPU's kernel of a convolution keeps beside its operands: the patches that
    it multiplies, and a copy of what it multiplies them with.

    Parameters
    ----------
    kernel, result : tuple of int
        Shapes.
    params : dict
        Of `conv_general_dilated`.
    """
    axes = params["dimension_numbers"]
    patch = math.prod(kernel) // kernel[axes.rhs_spec[0]]
    places = math.prod(result) // result[axes.out_spec[1]]
    return patch * places + math.prod(kernel)


def convolution(primitive: Any, image: jax.Array, kernel: jax.Array, params: dict[str, Any]) -> Any:
    """`conv_general_dilated` by transposing to channels last, and back."""
    axes = params["dimension_numbers"]
    last = image.ndim - 1
    space = tuple(range(1, last))
    ordered = jax.lax.ConvDimensionNumbers(
        (0, last, *space), (last, last - 1, *range(last - 1)), (0, last, *space)
    )
    batch, channel, *places = axes.lhs_spec
    image = jax.lax.transpose(image, (batch, *places, channel))
    outgoing, incoming, *places = axes.rhs_spec
    kernel = jax.lax.transpose(kernel, (*places, incoming, outgoing))
    result = primitive.bind(image, kernel, **{**params, "dimension_numbers": ordered})
    back = [0] * (last + 1)
    back[axes.out_spec[0]], back[axes.out_spec[1]] = 0, last
    for number, place in enumerate(axes.out_spec[2:], start=1):
        back[place] = number
    return jax.lax.transpose(result, back)

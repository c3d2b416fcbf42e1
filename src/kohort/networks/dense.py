"""The built-in dense network: hidden layers of masked width, one linear output layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from kohort.networks.layout import Layout
from kohort.networks.network import Context
from kohort.networks.randomness import bits_of, keep_mask
from kohort.recipe.initializers import draw

Variables = list[NDArray[np.floating]]

_LADDER = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)

# Kernels of fewer weights than this together cost the same at any width: XLA's overhead per
# operation outweighs the arithmetic, so the narrowest networks share one program.
_FREE_WEIGHTS = 1280


def padded(units: int) -> int:
    """The compiled width that a layer of `units` runs in.

    Widths share programs by rounding up to a step of a ladder of multiples of 16, then to
    multiples of 512.

    Examples
    --------
    >>> [padded(units) for units in (1, 37, 64, 99, 1500)]
    [16, 64, 64, 128, 1536]
    """
    for step in _LADDER:
        if units <= step:
            return step
    return -(-units // 512) * 512


def _free_width(features: int, depth: int) -> int:
    """The widest step of the ladder that costs no more than the narrowest."""
    free = [w for w in _LADDER if features * w + (depth - 1) * w * w <= _FREE_WEIGHTS]
    return max(free, default=_LADDER[0])


@dataclass(frozen=True)
class DenseNetwork:
    """Structure of a dense network.

    Attributes
    ----------
    features, outputs : int
    widths : tuple of int
        Compiled (padded) width of each hidden layer.
    activation : str
        Keras identifier of the hidden activation.
    """

    features: int
    outputs: int
    widths: tuple[int, ...]
    activation: str

    @classmethod
    def of(cls, features: int, outputs: int, units: Sequence[int], activation: str) -> DenseNetwork:
        """The structure that layers of the given real widths run in."""
        least = _free_width(features, len(units))
        widths = tuple(max(least, padded(width)) for width in units)
        return cls(features, outputs, widths, activation)

    @property
    def hidden(self) -> int:
        return len(self.widths)

    @cached_property
    def layout(self) -> Layout:
        names = [f"{layer}/{kind}" for layer in self._layers for kind in ("kernel", "bias")]
        return Layout(tuple(names), self.shapes(self.widths))

    @property
    def _layers(self) -> list[str]:
        return [f"hidden_{i + 1}" for i in range(self.hidden)] + ["output"]

    def shapes(self, units: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Shape of each variable for the given widths."""
        sizes = [self.features, *units, self.outputs]
        shapes: list[tuple[int, ...]] = []
        for inputs, outputs in pairwise(sizes):
            shapes += [(inputs, outputs), (outputs,)]
        return tuple(shapes)

    def initial(
        self, units: Sequence[int], initializer: str, generator: np.random.Generator
    ) -> Variables:
        """Draw a member's initial variables at its real widths; biases start at zero."""
        return [
            draw(initializer, shape, generator) if len(shape) > 1 else np.zeros(shape)
            for shape in self.shapes(units)
        ]

    def apply(self, variables: Sequence[jax.Array], x: jax.Array, context: Context) -> jax.Array:
        activation = keras.activations.get(self.activation)
        for layer, width in enumerate(self.widths):
            kernel, bias = variables[2 * layer : 2 * layer + 2]
            # Masked units are zero forwards and backwards, so surplus weights never move.
            exists = jnp.arange(width, dtype=jnp.int32) < context.units[layer]
            x = jnp.where(exists, activation(x @ kernel + bias), 0)
            if context.training and "dropout" in context.uses:
                x = _dropout(x, layer, context)
        return x @ variables[-2] + variables[-1]

    def kernels(self, variables: Sequence[jax.Array]) -> list[jax.Array]:
        return list(variables[::2])


def _dropout(x: jax.Array, layer: int, context: Context) -> jax.Array:
    """Inverted dropout (Srivastava et al. 2014): survivors are scaled by 1 / (1 - rate)."""
    assert context.seed is not None
    assert context.step is not None
    rate = context.numbers["dropout"]
    bits = bits_of(context.seed, context.step, layer, *x.shape)
    return jnp.where(keep_mask(bits, rate), x / (1 - rate), 0)

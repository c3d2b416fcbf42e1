"""Initial variables that a member draws from its own seed, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kohort.arrays import Floats
from kohort.networks.own.dense import DenseNetwork
from kohort.recipe.initializers import draw
from kohort.recipe.recipe import Recipe


@dataclass(frozen=True)
class Drawing:
    """Draws the initial variables of a dense network; equal drawings draw the same from a seed.

    Attributes
    ----------
    shape : DenseNetwork
    units : tuple of int
        Real width of each hidden layer.
    kernel_initializer, output_initializer : str
        Of the hidden layers, and of the output layer.
    kernel_scale : float
        Deviation of normal initializers.
    output_bias : tuple of float
        Biases of the output layer; empty for zeros.
    """

    shape: DenseNetwork
    units: tuple[int, ...]
    kernel_initializer: str
    output_initializer: str
    kernel_scale: float
    output_bias: tuple[float, ...] = ()

    @classmethod
    def of(cls, shape: DenseNetwork, recipe: Recipe) -> Drawing:
        """Return the drawing that a recipe asks for."""
        initializers = recipe.kernel_initializer, recipe.output_initializer
        return cls(shape, recipe.units, *initializers, recipe.kernel_scale)

    def at(self, units: Sequence[int]) -> Drawing:
        """Return the same drawing at other widths."""
        return replace(self, units=tuple(units))

    def biased(self, output_bias: tuple[float, ...]) -> Drawing:
        """Return the same drawing with these biases of the output layer."""
        return replace(self, output_bias=output_bias)

    def __call__(self, generator: np.random.Generator) -> list[Floats]:
        """Return the variables at their real widths, in the order of the layout."""
        variables: list[Floats] = []
        for name, shape in zip(self.shape.names, self.shape.shapes(self.units), strict=True):
            layer, kind = name.split("/")
            if kind == "kernel":
                hidden = layer != "output"
                chosen = self.kernel_initializer if hidden else self.output_initializer
                variables.append(draw(chosen, shape, generator, self.kernel_scale))
            elif name == "output/bias" and self.output_bias:
                variables.append(np.asarray(self.output_bias, np.float64))
            else:
                variables.append(np.full(shape, float(kind in ("gamma", "moving_variance"))))
        return variables

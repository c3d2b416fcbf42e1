"""The seam between networks and the engine: a network is a layout and a pure function."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import numpy as np

from kohort.networks.layout import Layout
from kohort.networks.observing import UNOBSERVED, Observer
from kohort.networks.reading import Layer
from kohort.recipe.recipe import NUMBERS, Recipe

BLOCK = 256
"""Rows that pass through a network at once outside training: more overflows a core's cache."""


@dataclass(frozen=True)
class Context:
    """What a network needs beside its variables and its input.

    Attributes
    ----------
    units : array of int32, shape (layer,)
        Real width of each hidden layer of this member.
    numbers : dict of scalars
        The member's hyperparameters.
    uses : frozenset of str
        Random techniques that are active; they draw from `seed` and `step`.
    seed, step : scalars
        Seed (uint32) and own step number (int32).
    rows : int32 scalar or None
        Leading rows of the batch that are real, when batch statistics shall be taken over them;
        None outside training, where moving averages are used.
    observer : Observer
        Sees what passes through the layers.
    """

    units: jax.Array
    numbers: Mapping[str, jax.Array]
    uses: frozenset[str] = frozenset()
    seed: jax.Array | None = None
    step: jax.Array | None = None
    rows: jax.Array | None = None
    observer: Observer = UNOBSERVED


def named(numbers: jax.Array) -> dict[str, jax.Array]:
    """A recipe's row of the number matrix as a dict of scalars."""
    return {name: numbers[column] for column, name in enumerate(NUMBERS)}


class Network(Hashable, Protocol):
    """A network's structure: equal networks share compiled programs."""

    @property
    def features(self) -> int:
        """Number of input features."""
        ...

    @property
    def outputs(self) -> int:
        """Number of raw outputs."""
        ...

    @property
    def layout(self) -> Layout:
        """All variables at padded width, the trainable ones first."""
        ...

    @property
    def trainable(self) -> int:
        """How many of the variables are trained; the others are moving averages."""
        ...

    @property
    def parameters(self) -> int:
        """How many numbers the trained variables hold."""
        ...

    @property
    def scratch(self) -> int:
        """Numbers that a CPU's kernels keep for the largest convolution of a step; 0 for none."""
        ...

    @property
    def essential(self) -> int:
        """How many of the leading variables make the network; they must be finite."""
        ...

    @property
    def columns(self) -> int:
        """Length of a member's row of numbers."""
        ...

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of what training logs beside the loss."""
        ...

    @property
    def hidden(self) -> int:
        """Number of hidden layers, the length of `Context.units`."""
        ...

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that a probe tells of."""
        ...

    def shapes(self, units: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Shape of each variable for the given widths."""
        ...

    def predict(
        self, variables: Sequence[jax.Array], x: jax.Array, numbers: jax.Array, units: jax.Array
    ) -> jax.Array:
        """Outputs outside training, (batch, outputs); raw ones if the network is kohort's own."""
        ...


class RawNetwork(Network, Protocol):
    """A network of kohort's own, whose loss and optimizer a recipe names."""

    @property
    def names(self) -> tuple[str, ...]:
        """`layer/variable` for each variable."""
        ...

    def initial(self, recipe: Recipe, generator: np.random.Generator) -> list[Any]:
        """Draw a member's initial variables at its real widths."""
        ...

    def apply(
        self, variables: Sequence[jax.Array], x: jax.Array, context: Context
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Raw outputs (before sigmoid or softmax), `(batch, outputs)`; new moving averages."""
        ...

    def kernels(self, variables: Sequence[jax.Array]) -> list[jax.Array]:
        """The variables that L1 and L2 penalties apply to, the output layer's last."""
        ...

    def sizes(self, units: jax.Array) -> list[tuple[jax.Array | int, ...]]:
        """Real shape of each trainable variable for real widths `units`."""
        ...

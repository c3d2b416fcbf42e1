"""The seam between networks and the engine: a network is a layout and a pure function."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import jax

from kohort.networks.layout import Layout


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
    """

    units: jax.Array
    numbers: Mapping[str, jax.Array]
    uses: frozenset[str] = frozenset()
    seed: jax.Array | None = None
    step: jax.Array | None = None
    rows: jax.Array | None = None


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
    def hidden(self) -> int:
        """Number of hidden layers, the length of `Context.units`."""
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

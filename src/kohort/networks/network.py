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
    seed, step : scalars
        Seed (uint32) and own step number (int32), for randomness during training.
    uses : frozenset of str
        Techniques that the program contains; empty outside training.
    training : bool
        Whether dropout and its like are active.
    """

    units: jax.Array
    numbers: Mapping[str, jax.Array]
    seed: jax.Array | None = None
    step: jax.Array | None = None
    uses: frozenset[str] = frozenset()
    training: bool = False


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
        """Trainable variables at padded width."""
        ...

    @property
    def hidden(self) -> int:
        """Number of hidden layers, the length of `Context.units`."""
        ...

    def apply(self, variables: Sequence[jax.Array], x: jax.Array, context: Context) -> jax.Array:
        """Raw outputs (before sigmoid or softmax), shape `(batch, outputs)`."""
        ...

    def kernels(self, variables: Sequence[jax.Array]) -> list[jax.Array]:
        """The variables that L1 and L2 penalties apply to."""
        ...

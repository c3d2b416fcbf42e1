"""The seam between networks and the engine: a network is a layout and pure functions.

This is the only module of networks that the engine imports. Axes: `batch` (row of a batch), `row`,
`feature`, `target`, `output`, `layer`, `number` (of a member's row of numbers).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

from kohort.arrays import Variables
from kohort.deferred import jax
from kohort.networks.dense_chain import ChainLayer, ChainMetric, ChainState, DenseChain
from kohort.networks.layout import Layout
from kohort.networks.reading import Layer, Reading

__all__ = [
    "BLOCK", "Batch", "ChainLayer", "ChainMetric", "ChainState", "DenseChain", "Judged", "Layer",
    "Layout", "Network", "Predictor", "Reading", "Rows", "Sampler", "State", "Tree", "bucket",
]  # fmt: skip

BLOCK = 256
"""Rows that pass through a network at once outside training: more overflows a core's cache."""

Tree: TypeAlias = Any
"""A pytree of arrays."""

Batch: TypeAlias = "tuple[jax.Array, jax.Array, jax.Array, jax.Array]"
"""A training batch: `x` (batch, feature), `y` (batch, target), `weight` (batch,), which is already
divided by the number of real rows and is 0 for padding, `rows` () leading rows that are real."""

Rows: TypeAlias = "tuple[jax.Array, jax.Array, jax.Array, jax.Array]"
"""Rows to judge: `x` (row, feature), `y` (row, target), `weight` (row,), `exists` (row,)."""

Judged: TypeAlias = Tree
"""Sums over the rows that a network has judged so far."""


class State(NamedTuple):
    """Arrays that a step keeps beside the variables.

    Attributes
    ----------
    optimizer : pytree of arrays
    average : pytree of arrays
        Averages of the leading variables, which are judged and kept in their place; () for none.
    """

    optimizer: Tree = ()
    average: Tree = ()


def bucket(rows: int) -> int:
    """Return the compiled number of rows for a table: the next power of two, at least 64.

    Examples
    --------
    >>> [bucket(rows) for rows in (1, 64, 65, 3870)]
    [64, 64, 128, 4096]
    """
    return max(64, 1 << (rows - 1).bit_length())


class Predictor(Hashable, Protocol):
    """A network that predicts: equal ones share a compiled program."""

    @property
    def features(self) -> int:
        """Number of input features."""
        ...

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        ...

    @property
    def dense(self) -> DenseChain | None:
        """The network as a chain of Dense layers; None if it is another kind of network."""
        ...

    @property
    def layout(self) -> Layout:
        """All variables at padded width, the trainable ones first."""
        ...

    def predict(
        self, variables: Variables, x: jax.Array, numbers: jax.Array, units: jax.Array
    ) -> jax.Array:
        """Return the outputs outside training, shape (row, output).

        Parameters
        ----------
        variables : sequence of arrays
            In the order of the layout.
        x : array, shape (row, feature)
        numbers : array, shape (number,)
            The member's row of numbers.
        units : array of int32, shape (layer,)
            Real width of each hidden layer.
        """
        ...


class Sampler(Hashable, Protocol):
    """A network that predicts with its noise left on: equal ones share a compiled program."""

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        ...

    @property
    def dense(self) -> DenseChain | None:
        """The network as a chain of Dense layers; None if it is another kind of network."""
        ...

    @property
    def layout(self) -> Layout:
        """All variables at padded width."""
        ...

    def sample(
        self,
        variables: Variables,
        x: jax.Array,
        numbers: jax.Array,
        units: jax.Array,
        seed: jax.Array,
        place: jax.Array,
        index: jax.Array,
    ) -> jax.Array:
        """Return outputs with noise, shape (row, output).

        The noise depends on `seed` (uint32), on `place` (int32), the number of this block of rows
        in its table, and on `index` (int32), the number of the pass.
        """
        ...


class Network(Hashable, Protocol):
    """A network that trains: equal ones share compiled programs."""

    @property
    def features(self) -> int:
        """Number of input features."""
        ...

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        ...

    @property
    def dense(self) -> DenseChain | None:
        """The network as a chain of Dense layers; None if it is another kind of network."""
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
        """Names of the metrics that training logs beside the loss."""
        ...

    @property
    def logs(self) -> tuple[str, ...]:
        """Names of the values that judging gives, the loss first."""
        ...

    @property
    def hidden(self) -> int:
        """Number of hidden layers whose width is a member's own."""
        ...

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that a probe tells of."""
        ...

    @property
    def fixed_batch(self) -> int | None:
        """Rows that every batch of a step has, padding included; None for any number."""
        ...

    @property
    def judged_rows(self) -> int:
        """Most rows that one call of `judge` takes."""
        ...

    @property
    def predictor(self) -> Predictor:
        """The part of it that predicts; equal for networks that differ only in training."""
        ...

    @property
    def group(self) -> Hashable:
        """Networks of equal group can be joined."""
        ...

    @property
    def final(self) -> bool:
        """Whether joining it with any other of its group gives itself."""
        ...

    def joined(self, other: Self) -> Self:
        """Return the network whose program trains members of both; they are of one group."""
        ...

    @property
    def techniques(self) -> frozenset[str]:
        """Names of the techniques in its program; other programs of its group may lack them."""
        ...

    def holding(self, techniques: frozenset[str]) -> Self:
        """Return the network of its group whose program holds these."""
        ...

    def shapes(self, units: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Return the shape of each variable for the given widths."""
        ...

    def padded_rows(self, rows: int) -> int:
        """Return the compiled number of rows for a table of `rows` that it judges."""
        ...

    def initial_state(self, variables: Variables) -> State:
        """Return the state of a member that has not trained yet, for variables at padded width."""
        ...

    def step(
        self,
        variables: Variables,
        state: State,
        batch: Batch,
        pace: Mapping[str, jax.Array],
        numbers: jax.Array,
        units: jax.Array,
        seed: jax.Array,
        index: jax.Array,
    ) -> tuple[Variables, State, jax.Array]:
        """Train one member for one step.

        Parameters
        ----------
        variables : sequence of arrays
            In the order of the layout.
        state : State
        batch : Batch
        pace : mapping of scalars
            The numbers of this step, by their names in `kohort.recipe.pace.PACE`.
        numbers : array, shape (number,)
            The member's row of numbers.
        units : array of int32, shape (layer,)
            Real width of each hidden layer.
        seed : uint32 scalar
            Noise depends on it and on `index` alone.
        index : int32 scalar
            Number of the step, counted over the whole training.

        Returns
        -------
        sequence of arrays, State, scalar
            New variables, new state, and the loss of the batch before the step.
        """
        ...

    def probe(
        self,
        variables: Variables,
        state: State,
        batch: Batch,
        pace: Mapping[str, jax.Array],
        numbers: jax.Array,
        units: jax.Array,
        seed: jax.Array,
        index: jax.Array,
    ) -> Reading:
        """Return quantities within a step of the same arguments; change nothing."""
        ...

    def results(self, variables: Variables, numbers: jax.Array) -> jax.Array:
        """Return the values of training's metrics, in the order of `metrics`."""
        ...

    def judging(self, variables: Variables, numbers: jax.Array) -> Judged:
        """Return the sums before any row has been judged."""
        ...

    def judge(
        self, judged: Judged, variables: Variables, rows: Rows, numbers: jax.Array, units: jax.Array
    ) -> Judged:
        """Return the sums after these rows, at most `judged_rows` of them."""
        ...

    def verdict(
        self, judged: Judged, variables: Variables, numbers: jax.Array, count: jax.Array
    ) -> jax.Array:
        """Return the means over `count` rows that were judged, in the order of `logs`."""
        ...

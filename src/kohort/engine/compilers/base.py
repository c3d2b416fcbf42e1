"""The seam between the engine and XLA or kernels: a compiler gives programs, the engine calls them.

A program is a function of arrays. XLA's are compiled for shapes; a compiler of another kind may
give plain functions that work on arrays of NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from kohort.arrays import Array, Floats, HostArray, Integers
from kohort.deferred import jax
from kohort.engine.fit import Fit
from kohort.engine.footprint import Footprint
from kohort.engine.structure import Structure
from kohort.networks.base import DenseChain, Predictor, Reading, Sampler

Drawn: TypeAlias = Any
"""Some steps of members, as a compiler's feed draws them for its training program."""

Train: TypeAlias = Callable[[Array, Array, Drawn], tuple[Array, Array, Array, Array]]
"""`(params, state, drawn) -> (params, state, losses, results)`; see `training_function`."""

Judge: TypeAlias = Callable[..., Array]
"""`(params, slots, count, table, real, numbers, units) -> logs`; see `evaluation_function`."""

Batches: TypeAlias = tuple[Array, ...]
"""One step of every slot: a chunk's arrays without their axis of steps; see `probe_function`."""


class Packing(Protocol):
    """A member's state as a row of a matrix."""

    @property
    def size(self) -> int:
        """Length of a row."""
        ...

    @property
    def averaged(self) -> int:
        """How many of its last entries are averaged weights."""
        ...

    @property
    def initial(self) -> Floats:
        """The row that every member starts with, shape (size,)."""
        ...


class Feed(Protocol):
    """Brings the next batches to the members in the slots of a program."""

    @property
    def most(self) -> int:
        """Steps that one call takes at most of the members that are there."""
        ...

    @property
    def numbers(self) -> Floats:
        """Numbers of the members, shape (slot, number)."""
        ...

    @property
    def units(self) -> Integers:
        """Their real widths, shape (slot, layer)."""
        ...

    def enter(self, slot: int, fit: Fit) -> None:
        """Take in a member."""
        ...

    def leave(self, slot: int) -> None:
        """Let go of the member in a slot."""
        ...

    def draw(self, fits: Mapping[int, Fit], steps: int) -> Drawn:
        """Return the next steps of the members in these slots, for the training program.

        Members whose rows cannot be read have their `error` set.
        """
        ...

    def first(self, drawn: Drawn) -> Batches:
        """Return the first of the drawn steps, for a probe."""
        ...


class Compiler(Protocol):
    """Gives programs to many threads at once, each built once for the values it depends on."""

    @property
    def in_turn(self) -> bool:
        """Whether the slots of a program train one after the other, and gain nothing together."""
        ...

    def serving(self, structure: Structure, device: jax.Device) -> Compiler:
        """Return the compiler for a structure on a device: itself, or the one that it defers to."""
        ...

    def feed(
        self, structure: Structure, slots: int, device: jax.Device, resident: bool | None
    ) -> Feed:
        """Return the feed that brings batches to `train` of the same arguments.

        `resident` says whether tables stay on the device; None for those of accelerators.
        """
        ...

    def numerics(self, device: jax.Device) -> str:
        """Return a text that differs wherever results on a device differ, be it in the last bit."""
        ...

    def knows(self, chain: DenseChain, dtype: str) -> bool:
        """Return whether it trains a chain, of numbers of a type, by what the chain says alone."""
        ...

    def put(self, array: HostArray, device: jax.Device) -> Array:
        """Return the array where the programs of a device take it from."""
        ...

    def packing(self, structure: Structure) -> Packing:
        """Return how the state of a structure's members lies in a row."""
        ...

    def train(self, structure: Structure, slots: int, device: jax.Device) -> Train:
        """Return the program that advances the given number of members by a chunk of steps."""
        ...

    def has_train(self, structure: Structure, slots: int, device: jax.Device) -> bool:
        """Whether `train` of the same arguments would build nothing."""
        ...

    def arguments(self, structure: Structure, slots: int, streamed: bool) -> int:
        """Return the bytes of a training program's arguments, which need no compiling to be known.

        `streamed` says whether the members' features are still in files.
        """
        ...

    def footprint(
        self, structure: Structure, slots: int, device: jax.Device, streamed: bool
    ) -> Footprint:
        """Return the bytes that the training program holds while it runs."""
        ...

    def judge(self, structure: Structure, slots: int, device: jax.Device, rows: int) -> Judge:
        """Return the program that judges members on a table of `rows` rows, with padding."""
        ...

    def probe(
        self, structure: Structure, device: jax.Device, params: Array, state: Array, steps: Batches
    ) -> Reading:
        """Return quantities within the first step of a chunk, with an axis of slots."""
        ...

    def predict(
        self,
        network: Predictor,
        params: Floats,
        x: HostArray,
        read: Integers,
        real: Integers,
        numbers: Floats,
        units: Integers,
    ) -> Array:
        """Return the outputs of members of a network for padded tables, of which `real` rows count.

        Parameters
        ----------
        network : Predictor
        params : array, shape (member, size)
            Their variables at compiled width.
        x : array, shape (table, row, feature)
        read : array of int, shape (member,)
            The table that each reads.
        real : int32 scalar
        numbers : array, shape (member, number)
        units : array of int32, shape (member, layer)

        Returns
        -------
        array, shape (member, row, output)
        """
        ...

    def sample(
        self,
        network: Sampler,
        samples: int,
        params: Floats,
        x: HostArray,
        real: Integers,
        numbers: Floats,
        units: Integers,
        seed: Integers,
        position: Integers,
    ) -> Array:
        """Return outputs of several passes with noise of one member, shape (pass, row, output).

        `position` (int32) counts the blocks of rows before the first; the other arguments are those
        of `predict`, without its axes of members and tables.
        """
        ...

    def squared_norms(
        self, structure: Structure, size: int, *arguments: HostArray
    ) -> tuple[float, float]:
        """Return squared norms of gradients over batches of `size` rows.

        The arguments are those of the function that `gradient_function` gives.
        """
        ...

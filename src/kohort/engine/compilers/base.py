"""The seam between the engine and who computes: a compiler gives programs, the engine calls them.

A program is a function of arrays. XLA's are compiled for shapes; a compiler of another kind may
give plain functions that work on arrays of NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from kohort.arrays import Array, Floats, HostArray, Integers
from kohort.deferred import jax
from kohort.engine.footprint import Footprint
from kohort.engine.structure import Structure
from kohort.engine.train import Chunk
from kohort.networks.base import Predictor, Reading, Sampler

Train: TypeAlias = Callable[[Array, Array, Chunk], tuple[Array, Array, Array, Array]]
"""`(params, state, chunk) -> (params, state, losses, results)`; see `training_function`."""

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


class Compiler(Protocol):
    """Gives programs, each built once for what it depends on, to many threads at once."""

    def serving(self, structure: Structure, device: jax.Device) -> Compiler:
        """Return who serves a structure on a device: itself, or another to which it leaves it."""
        ...

    def put(self, array: HostArray, device: jax.Device) -> Array:
        """Return the array where the programs of a device take it from."""
        ...

    def packing(self, structure: Structure) -> Packing:
        """Return how the state of a structure's members lies in a row."""
        ...

    def train(self, structure: Structure, slots: int, device: jax.Device) -> Train:
        """Return what advances so many members by a chunk of steps."""
        ...

    def has_train(self, structure: Structure, slots: int, device: jax.Device) -> bool:
        """Whether `train` of the same arguments would build nothing."""
        ...

    def footprint(self, structure: Structure, slots: int, device: jax.Device) -> Footprint:
        """Return the bytes that the training program holds while it runs."""
        ...

    def judge(self, structure: Structure, slots: int, device: jax.Device, rows: int) -> Judge:
        """Return what judges members on a table of so many rows, padding included."""
        ...

    def probe(
        self, structure: Structure, device: jax.Device, params: Array, state: Array, steps: Batches
    ) -> Reading:
        """Return what the first step of a chunk looks like from within, with an axis of slots."""
        ...

    def predict(
        self,
        network: Predictor,
        params: Floats,
        x: HostArray,
        real: Integers,
        numbers: Floats,
        units: Integers,
    ) -> Array:
        """Return the outputs of a network for a padded table, of which `real` rows count.

        Parameters
        ----------
        network : Predictor
        params : array, shape (size,)
            Its variables at compiled width, as one vector.
        x : array, shape (row, feature)
        real : int32 scalar
        numbers : array, shape (number,)
        units : array of int32, shape (layer,)

        Returns
        -------
        array, shape (row, output)
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
        """Return outputs of several passes with noise, shape (pass, row, output).

        `position` (int32) counts the blocks of rows before the first; the other arguments are those
        of `predict`.
        """
        ...

    def squared_norms(
        self, structure: Structure, size: int, *arguments: HostArray
    ) -> tuple[float, float]:
        """Return squared norms of gradients over batches of `size` rows.

        The arguments are those of the function that `gradient_function` gives.
        """
        ...

    def gather(
        self,
        device: jax.Device,
        gathered: Array,
        mine: HostArray,
        table: Array,
        orders: HostArray,
    ) -> Array:
        """Return the chunk's features with those of some slots taken from a table.

        Parameters
        ----------
        device : jax.Device
        gathered : array, shape (slot, step, batch, feature)
            Its memory may be used again.
        mine : array of bool, shape (slot,)
            Which slots read the table.
        table : array, shape (row, feature)
        orders : array of int32, shape (slot, row)
            Row numbers of each slot's steps.
        """
        ...

"""Tables that stay on an accelerator, where batches are gathered from them.

Row numbers travel to the device, rows do not: a row of an image takes thousands of times as many
bytes as its number. On a CPU the host gathers, from the same memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Array, HostArray
from kohort.deferred import jax, jnp
from kohort.engine.plan import chunk_steps
from kohort.engine.structure import Structure
from kohort.networks.base import bucket

Table = NDArray[Any]


class Gatherer(Protocol):
    """Puts arrays on a device, and gathers rows of them there."""

    def put(self, array: HostArray, device: jax.Device) -> Array:
        """Return the array on the device."""
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


class ResidentTables:
    """Features on a device, and the part of a chunk that is gathered from them.

    Parameters
    ----------
    structure : Structure
    slots : int
    device : jax.Device
    gatherer : Gatherer
    """

    def __init__(
        self, structure: Structure, slots: int, device: jax.Device, gatherer: Gatherer
    ) -> None:
        self._device, self._slots, self._gatherer = device, slots, gatherer
        steps, batch = chunk_steps(structure), structure.batch_size
        self._shape = (slots, steps, batch, structure.network.features)
        self._rows, self._dtype = steps * batch, np.dtype(structure.input_dtype)
        self._gathered: Any = None
        self._tables: dict[int, tuple[Table, Any]] = {}

    def gathered(self, wanted: Mapping[int, tuple[Table, NDArray[np.intp]]]) -> Any:
        """The features of the next steps.

        Parameters
        ----------
        wanted : mapping
            Table, shape (row, feature), and row numbers of each occupied slot.

        Returns
        -------
        array on the device, shape (slot, step, batch, feature)
            Rows beyond those that are wanted are copies of the last of them.
        """
        if self._gathered is None:
            self._gathered = self._gatherer.put(np.zeros(self._shape, self._dtype), self._device)
        orders = np.zeros((self._slots, self._rows), np.int32)
        for slot, (_, order) in wanted.items():
            orders[slot, : len(order)], orders[slot, len(order) :] = order, order[-1]
        tables = {id(table): table for table, _ in wanted.values()}
        self._tables = {key: kept for key, kept in self._tables.items() if key in tables}
        for key, table in tables.items():
            mine = np.zeros(self._slots, bool)
            mine[[slot for slot, (other, _) in wanted.items() if id(other) == key]] = True
            self._gathered = self._gatherer.gather(
                self._device, self._gathered, mine, self._on_device(key, table), orders
            )
        return self._gathered

    def _on_device(self, key: int, table: Table) -> Any:
        """A table on the device, padded so that tables of similar length share a program."""
        if key not in self._tables:
            wide = np.zeros((bucket(len(table)), *table.shape[1:]), self._dtype)
            wide[: len(table)] = table
            self._tables[key] = table, self._gatherer.put(wide, self._device)
        return self._tables[key][1]


def placed(gathered: jax.Array, mine: jax.Array, table: jax.Array, orders: jax.Array) -> Any:
    """Rows of a table in the places of the slots that read it."""
    rows = jnp.take(table, orders, axis=0).reshape(gathered.shape)
    return jnp.where(mine[:, None, None, None], rows, gathered)

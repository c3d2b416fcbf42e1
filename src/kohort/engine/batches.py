"""Batches that the host gathers: a chunk of steps of every slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Array, Device, Floats, Integers
from kohort.engine.fit import Fit
from kohort.engine.plan import chunk_steps
from kohort.engine.resident import Gatherer, ResidentTables
from kohort.engine.rows import LazyRows
from kohort.engine.structure import Structure
from kohort.engine.train import Chunk, empty_chunk
from kohort.errors import DataError


class HostBatches:
    """Fills one chunk anew for each call of a program.

    Parameters
    ----------
    structure : Structure
    slots : int
    device : jax.Device
    gatherer : Gatherer
        Gathers features where tables stay on the device.
    resident : bool or None, default=None
        Whether they do; None for those of accelerators.
    """

    def __init__(
        self,
        structure: Structure,
        slots: int,
        device: Device,
        gatherer: Gatherer,
        resident: bool | None = None,
    ) -> None:
        self._batch, self.most = structure.batch_size, chunk_steps(structure)
        self._chunk = empty_chunk(structure, slots)
        stays = device.platform != "cpu" if resident is None else resident
        self._resident = ResidentTables(structure, slots, device, gatherer) if stays else None

    @property
    def numbers(self) -> Floats:
        return self._chunk.numbers

    @property
    def units(self) -> Integers:
        return self._chunk.units

    def enter(self, slot: int, fit: Fit) -> None:
        """Note what stays the same in every step of a member."""
        chunk, member = self._chunk, fit.member
        chunk.numbers[slot], chunk.units[slot] = member.numbers, member.units
        chunk.seed[slot] = member.noise_seed

    def leave(self, slot: int) -> None:
        """Leave the slot idle: its batches have no rows."""
        self._chunk.pace[slot] = 0
        self._chunk.weight[slot] = 0
        self._chunk.rows[slot] = 0

    def draw(self, fits: Mapping[int, Fit], steps: int) -> Chunk:
        """Gather the next steps of the members in these slots."""
        orders = {slot: fit.upcoming(steps) for slot, fit in fits.items()}
        x = self._features(fits, orders)
        for slot, fit in fits.items():
            rows = fit.member.rows
            fill(self._chunk, slot, rows.y, rows.weight, orders[slot], self._batch)
            self._chunk.pace[slot, :steps] = fit.pace(steps)
            self._chunk.first[slot] = fit.step
        return self._chunk._replace(x=x, steps=np.asarray(steps, np.int32))

    def first(self, chunk: Chunk) -> tuple[Array, ...]:
        """The first step of a chunk."""
        return first_of(chunk)

    def _features(self, fits: Mapping[int, Fit], orders: Mapping[int, NDArray[np.intp]]) -> Any:
        """The features of the chunk: gathered on the device, or by the host into its own."""
        wanted = {
            slot: (x, orders[slot])
            for slot, fit in fits.items()
            if not isinstance(x := fit.member.rows.x, LazyRows)
        }
        if self._resident is not None and len(wanted) == len(orders):
            return self._resident.gathered(wanted)
        for slot, fit in fits.items():
            order, part = orders[slot], self._chunk.x[slot]
            flat = part.reshape(-1, part.shape[-1])
            try:
                fit.read(order, flat[: len(order)])
            except DataError as error:  # A file's fault is that of the fits that need it.
                fit.error = error
                continue
            pad(flat, len(order), self._batch)
        return self._chunk.x


def first_of(chunk: Chunk) -> tuple[Array, ...]:
    """One step of every slot: a chunk's arrays without their axis of steps."""
    rest = (chunk.numbers, chunk.units, chunk.seed, chunk.first)
    return (*(array[:, 0] for array in chunk[:5]), *rest)


def fill(
    chunk: Chunk,
    slot: int,
    targets: NDArray[Any],
    weight: NDArray[Any] | None,
    order: NDArray[np.integer[Any]],
    batch: int,
) -> None:
    """Write targets, weights and sizes of a member's next batches into its part of a chunk.

    A row's share of its batch's loss is 1 / real rows, times its weight; 0 for padding.
    """
    count = len(order)
    y = chunk.y[slot].reshape(-1, chunk.y.shape[-1])
    np.take(targets, order, axis=0, out=y[:count], mode="clip")
    pad(y, count, batch)
    share, rows = chunk.weight[slot].reshape(-1), chunk.rows[slot]
    steps = -(-count // batch)
    share[: steps * batch] = 1.0 / batch
    rows[:steps] = batch
    if last := count % batch:
        share[count - last : count] = 1.0 / last
        share[count : steps * batch] = 0
        rows[steps - 1] = last
    if weight is not None:
        share[:count] *= weight[order]


def pad(flat: NDArray[Any], rows: int, batch: int) -> None:
    """Fill the last of some batches up with its last row.

    Padding weighs nothing, but what no row looks like might be NaN times nothing.
    """
    flat[rows : -(-rows // batch) * batch] = flat[rows - 1]

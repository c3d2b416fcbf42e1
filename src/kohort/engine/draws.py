"""Batches that a program gathers itself: tables, and the numbers of the rows that come next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Array, Floats, HostArray, Integers
from kohort.engine.batches import fill, first_of, pad
from kohort.engine.fit import Fit
from kohort.engine.member import Rows
from kohort.engine.plan import call_steps, chunk_steps
from kohort.engine.rows import LazyRows
from kohort.engine.structure import Structure
from kohort.engine.train import empty_chunk
from kohort.errors import DataError


class Draw(NamedTuple):
    """The next steps of a member.

    Shapes: `x` (row, feature), `y` (row, target), `weight` (row,) or None, `order` (visited,)
    numbers of rows, of which each batch takes the next, `pace` (step, number) in the order of
    `PACE`, `numbers` (number,), `units` (layer,); `first` is the number of the first step. Where
    `x` is `ready`, it holds the visited rows alone, in their order.
    """

    x: HostArray
    y: Floats
    weight: Floats | None
    order: NDArray[np.int64]
    ready: bool
    pace: Floats
    numbers: Floats
    units: Integers
    seed: int
    first: int


class TableDraws:
    """Hands a program the tables of its members as they lie in memory.

    Parameters
    ----------
    structure : Structure
    slots : int
    """

    def __init__(self, structure: Structure, slots: int) -> None:
        self._structure, self._slots = structure, slots
        self._dtype = np.dtype(structure.dtype)
        self._most = call_steps(structure), chunk_steps(structure)
        network = structure.network
        self.numbers: Floats = np.zeros((slots, network.columns), self._dtype)
        self.units: Integers = np.zeros((slots, network.hidden), np.int32)
        self._seeds = [0] * slots
        self._tables: dict[int, Rows] = {}

    @property
    def most(self) -> int:
        """Steps that one call takes at most: few where rows are read into memory for them."""
        streamed = any(rows.streamed for rows in self._tables.values())
        return self._most[streamed]

    def enter(self, slot: int, fit: Fit) -> None:
        """Note the values that stay the same in every step of a member."""
        member = fit.member
        self.numbers[slot], self.units[slot] = member.numbers, member.units
        self._seeds[slot] = member.noise_seed
        self._tables[slot] = _contiguous(member.rows, self._dtype)

    def leave(self, slot: int) -> None:
        """Let go of the table of a member."""
        del self._tables[slot]

    def draw(self, fits: Mapping[int, Fit], steps: int) -> dict[int, Draw]:
        """The next steps of the members in these slots, but those whose files fail."""
        draws = {}
        for slot, fit in fits.items():
            rows, order = self._tables[slot], fit.upcoming(steps)
            try:
                x, ready = self._features(fit, rows, order)
            except DataError as error:  # A file's fault is that of the fits that need it.
                fit.error = error
                continue
            draws[slot] = Draw(
                x, rows.y, rows.weight, np.asarray(order, np.int64), ready,
                np.asarray(fit.pace(steps), self._dtype), self.numbers[slot], self.units[slot],
                self._seeds[slot], fit.step,
            )  # fmt: skip
        return draws

    def _features(self, fit: Fit, rows: Rows, order: NDArray[np.intp]) -> tuple[HostArray, bool]:
        """The table, or the next rows where they are read from files; and whether they are."""
        if not isinstance(rows.x, LazyRows):
            return rows.x, False
        read = np.empty((len(order), self._structure.network.features), rows.x.dtype)
        fit.read(order, read)
        return read, True

    def first(self, draws: Mapping[int, Draw]) -> tuple[Array, ...]:
        """The first step of each, gathered."""
        chunk, batch = (
            empty_chunk(self._structure, self._slots, steps=1),
            self._structure.batch_size,
        )
        for slot, draw in draws.items():
            order, x = draw.order[:batch], chunk.x[slot, 0]
            x[: len(order)] = draw.x[: len(order)] if draw.ready else draw.x[order]
            pad(x, len(order), batch)
            fill(chunk, slot, draw.y, draw.weight, order, batch)
            chunk.pace[slot] = draw.pace[:1]
            chunk.numbers[slot], chunk.units[slot] = draw.numbers, draw.units
            chunk.seed[slot], chunk.first[slot] = draw.seed, draw.first
        return first_of(chunk)


def _contiguous(rows: Rows, dtype: np.dtype[np.floating]) -> Rows:
    """A table's arrays row after row; weights in double precision, in which they are multiplied."""
    weight = None if rows.weight is None else np.ascontiguousarray(rows.weight, np.float64)
    x = rows.x if isinstance(rows.x, LazyRows) else np.ascontiguousarray(rows.x)
    return Rows(x, np.ascontiguousarray(rows.y, dtype), weight)

"""Tables of which most values are 0: a few rows at a time are made dense, when they are needed."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from kohort.arrays import Floats, HostArray, Integers
from kohort.data.moments import Moments, no_weight, too_large
from kohort.data.standardising import Standardisation
from kohort.engine.order import Order
from kohort.engine.rows import LazyRows

Csr: TypeAlias = "scipy.sparse.csr_matrix | scipy.sparse.csr_array"


class SparseTable:
    """Features of which only those that are not 0 are kept.

    Parameters
    ----------
    values : SciPy's csr matrix or array of float32 or float64, shape (row, feature)
        Not written to.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    nbytes : int
        Bytes in memory.
    """

    ndim = 2

    def __init__(self, values: Csr) -> None:
        if not values.has_canonical_format:  # A value may stand in several parts.
            values = values.copy()
            values.sum_duplicates()
        self.values = values
        self.shape: tuple[int, int] = values.shape
        self.dtype = values.dtype
        self.nbytes = values.data.nbytes + values.indices.nbytes + values.indptr.nbytes

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> SparseTable:
        """The table of the given rows: numbers, a mask or a slice."""
        return SparseTable(self.values[rows])

    def moments(self, weight: Floats | None) -> Moments:
        """Range, mean and deviation of each column; see `kohort.data.moments.moments`."""
        values, rows = self.values, len(self)
        share = np.full(rows, 1.0) if weight is None else np.asarray(weight, np.float64)
        values, share = (values, share) if share.all() else (values[share > 0], share[share > 0])
        if not len(share):
            raise no_weight()
        low, high = _range(values)
        largest = np.maximum(np.abs(low), np.abs(high))
        unit = np.where(largest > 0, largest, 1.0)
        places = values.indices
        share = share / share.sum()
        each = np.repeat(share, np.diff(values.indptr))
        inner = values.data.astype(np.float64) / unit[places]
        empty = 1.0 - self._sum(places, each)  # The share of the zeros that are not kept.
        mean = self._sum(places, each * inner)
        mean = mean + self._sum(places, each * (inner - mean[places])) - empty * mean
        spread = self._sum(places, each * np.square(inner - mean[places]))
        spread = spread + np.maximum(empty, 0) * np.square(mean)
        rounding = np.spacing(largest.astype(values.dtype)).astype(np.float64)
        kept = np.isin(values.data, (0, 1))
        truths = np.bincount(places, ~kept, self.shape[1]) == 0
        return Moments(low, high, unit * mean, unit * np.sqrt(spread), rounding, truths)

    def _sum(self, places: Integers, values: Floats) -> NDArray[np.float64]:
        """Sum of the values of each column, of which the places are given."""
        return np.asarray(np.bincount(places, values, self.shape[1]), np.float64)

    def stream(self, scaling: Standardisation, dtype: np.dtype[Any], workers: int) -> SparseRows:
        """The rows as a standardisation has them, made dense when they are needed.

        Parameters
        ----------
        scaling : Standardisation
        dtype : numpy.dtype
        workers : int
            For tables in files alone.
        """
        return SparseRows(self, scaling, dtype)


class SparseRows(LazyRows):
    """Rows of a sparse table, standardised, of which a reader makes a chunk dense at a time.

    Parameters
    ----------
    table : SparseTable
    scaling : Standardisation
    dtype : numpy.dtype
    """

    travels = True

    def __init__(self, table: SparseTable, scaling: Standardisation, dtype: np.dtype[Any]) -> None:
        self._table, self._scaling = table, scaling
        self.shape, self.dtype, self.nbytes = table.shape, dtype, table.nbytes
        self._zeros = scaling.of(np.zeros(table.shape[1])).astype(dtype)

    @cached_property
    def digest(self) -> bytes:
        values = self._table.values
        digest = hashlib.blake2b(f"{self.shape}{self.dtype}".encode(), digest_size=16)
        for array in (values.data, values.indices, values.indptr, *self._scaling.arrays):
            digest.update(f"{array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
        return digest.digest()

    def __getitem__(self, rows: Any) -> HostArray:
        if isinstance(rows, slice):
            return self.dense(rows)
        places = np.asarray(rows)
        return self.dense(places.reshape(-1)).reshape(*places.shape, self.shape[1])

    def dense(self, rows: slice | NDArray[np.intp]) -> HostArray:
        """The given rows, (row, feature)."""
        part = self._table.values[rows]
        result = np.empty(part.shape, self.dtype)
        self._write(part, result)
        return result

    def _write(self, part: Csr, out: HostArray) -> None:
        """Standardise in double precision, as `Scaling.apply` does for a dense table."""
        out[:] = self._zeros
        columns = part.indices
        with np.errstate(over="ignore"):
            kept = self._scaling.of(part.data.astype(np.float64), columns).astype(self.dtype)
        if not np.isfinite(kept).all():
            raise too_large(part.data, self.dtype)
        out[np.repeat(np.arange(len(out)), np.diff(part.indptr)), columns] = kept

    def copy_rows(self, rows: NDArray[np.intp], out: HostArray) -> None:
        """Write the given rows into `out`, (row, feature)."""
        self._write(self._table.values[rows], out)

    def reader(self, order: Order, first: int, last: int) -> SparseReader:
        return SparseReader(self, order, first)


class SparseReader:
    """A member's place in the rows of a sparse table.

    Parameters
    ----------
    rows : SparseRows
    order : Order
    epoch : int
        The one to begin with.
    """

    waited = 0.0

    def __init__(self, rows: SparseRows, order: Order, epoch: int) -> None:
        self._rows, self._order, self._epoch = rows, order, epoch
        self._coming = order.epoch(epoch)

    def take(self, out: HostArray) -> None:
        """Copy the next rows, as many as `out` (row, feature) has."""
        done = 0
        while done < len(out):
            if not len(self._coming):
                self._epoch += 1
                self._coming = self._order.epoch(self._epoch)
            chosen = self._coming[: len(out) - done]
            self._rows.copy_rows(chosen, out[done : done + len(chosen)])
            self._coming = self._coming[len(chosen) :]
            done += len(chosen)

    def close(self) -> None:
        """Nothing is held."""


def _range(values: Csr) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest value of each column, zeros that are not kept included."""
    ends = (values.min(axis=0), values.max(axis=0))
    low, high = (np.asarray(end.toarray(), np.float64).ravel() for end in ends)
    return low, high

"""Rows of numbers in a Parquet file. NumPy and PyArrow alone, so that a loader's workers need not
import kohort.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kohort.data.standardising import Standardisation

_KEPT_BYTES = 256 * 1024**2
_PART_BYTES = 1024**2
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class StampedFile:
    """A file as it was when it was first opened.

    Attributes
    ----------
    path : str
    stamp : (int, int)
        Time of the last change in nanoseconds, and size in bytes; other ones mean another file.
    """

    path: str
    stamp: tuple[int, int]

    @classmethod
    def of(cls, path: str) -> StampedFile:
        """The file as it is now.

        Raises
        ------
        OSError
            If there is none.
        """
        status = os.stat(path)  # noqa: PTH116 (a worker imports little)
        return cls(path, (status.st_mtime_ns, status.st_size))

    def read(self, reader: Callable[[str], _Read]) -> _Read:
        """Return `reader(path)`, if the file is the same before and after the call.

        Raises
        ------
        ValueError
            If the file has changed or cannot be read.
        """
        self._check()
        try:
            found = reader(self.path)
        except Exception as error:
            self._check()
            raise ValueError(f"{self.path} cannot be read ({error})") from error
        self._check()
        return found

    def _check(self) -> None:
        try:
            same = StampedFile.of(self.path) == self
        except OSError as error:
            raise ValueError(f"{self.path} cannot be read ({error})") from error
        if not same:
            raise ValueError(
                f"{self.path} has changed since the table was opened. Open it again with "
                "ParquetTable, and fit again"
            )


class ParquetRows:
    """Some rows of some columns, standardised.

    Parameters
    ----------
    file : StampedFile
    columns : tuple of str
    rows : array of int
        Row numbers in the file.
    starts : array of int
        First row of each row group.
    scaling : Standardisation
    dtype : numpy.dtype
    """

    def __init__(
        self,
        file: StampedFile,
        columns: tuple[str, ...],
        rows: NDArray[np.intp],
        starts: NDArray[np.intp],
        scaling: Standardisation,
        dtype: np.dtype[Any],
    ) -> None:
        self._file, self._columns, self._rows, self._starts = file, columns, rows, starts
        self._scaling, self._dtype = scaling, dtype
        self._kept: dict[int, NDArray[Any]] = {}
        self._reading = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_kept": {}, "_reading": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _reading=threading.Lock())

    @property
    def digest(self) -> bytes:
        """Equal for equal rows."""
        digest = hashlib.blake2b(repr((self._file, self._columns, self._dtype)).encode())
        for array in (self._rows, *self._scaling.arrays):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """The given rows, shape (row, column).

        Raises
        ------
        ValueError
            If the file cannot be read, or a value is missing or infinite.
        """
        wanted = self._rows[rows]
        groups = np.searchsorted(self._starts, wanted, side="right") - 1
        result = np.empty((len(wanted), len(self._columns)), self._dtype)
        for group in np.unique(groups):
            here = groups == group
            values = self._group(int(group))[wanted[here] - self._starts[group]]
            result[here] = self._scaling.of(values)
        if not np.isfinite(result).all():
            column = self._columns[int(np.argmin(np.isfinite(result).all(axis=0)))]
            raise ValueError(
                f"{self._file.path} has missing or infinite values in the column {column!r}. Fill "
                "them in, or leave the column out"
            )
        return result

    @property
    def part_rows(self) -> int:
        """Rows that a worker reads at once."""
        return max(1, _PART_BYTES // (len(self._columns) * self._dtype.itemsize))

    def costs(self, rows: NDArray[np.intp]) -> dict[str, float]:
        """Seconds that a row takes on average: `"read"` from the file, `"scale"`."""
        groups = np.unique(np.searchsorted(self._starts, self._rows[rows], side="right") - 1)[:4]
        begin = time.perf_counter()
        values = [read_group(self._file, int(group), self._columns) for group in groups]
        middle = time.perf_counter()
        for part in values:
            self._scaling.of(part)
        end, count = time.perf_counter(), sum(map(len, values))
        return {"read": (middle - begin) / count, "scale": (end - middle) / count}

    def _group(self, number: int) -> NDArray[Any]:
        """A row group; those read last are kept."""
        with self._reading:  # Threads that need the same group want it one after another.
            values = self._kept.get(number)
            if values is None:
                values = read_group(self._file, number, self._columns)
                if (len(self._kept) + 1) * values.nbytes > _KEPT_BYTES:
                    self._kept = {}
                self._kept[number] = values
            return values


def read_group(file: StampedFile, number: int, columns: tuple[str, ...]) -> NDArray[Any]:
    """A row group of numeric columns, shape (row, column).

    Raises
    ------
    ValueError
        If the file has changed or cannot be read.
    """
    import pyarrow
    import pyarrow.parquet

    def read(path: str) -> Any:
        with pyarrow.parquet.ParquetFile(path) as opened:
            return opened.read_row_group(number, columns=list(columns))

    def typed(column: Any) -> Any:
        return column.cast(pyarrow.float64()) if is_decimal(column.type) else column

    is_decimal = pyarrow.types.is_decimal
    group = file.read(read)
    parts = [typed(group[name]).to_numpy() for name in columns]
    kind = np.result_type(np.float32, *(part.dtype for part in parts if part.dtype != object))
    return np.stack([part.astype(kind) for part in parts], axis=1)

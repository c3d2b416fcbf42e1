"""Rows of numbers in a Parquet file. NumPy and PyArrow alone, so that a loader's workers need not
import kohort.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEPT_BYTES = 256 * 1024**2
_PART_BYTES = 1024**2


class ParquetRows:
    """Some rows of some columns, standardised: `(value - mean) / scale`.

    Parameters
    ----------
    path : str
    columns : tuple of str
    rows : array of int
        Row numbers in the file.
    starts : array of int
        First row of each row group.
    mean, scale : arrays of float64, shape (column,)
    dtype : numpy.dtype
    """

    def __init__(
        self,
        path: str,
        columns: tuple[str, ...],
        rows: NDArray[np.intp],
        starts: NDArray[np.intp],
        mean: NDArray[np.float64],
        scale: NDArray[np.float64],
        dtype: np.dtype[Any],
    ) -> None:
        self._path, self._columns, self._rows, self._starts = path, columns, rows, starts
        self._mean, self._scale, self._dtype = mean, scale, dtype
        self._kept: dict[int, NDArray[Any]] = {}
        self._reading = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_kept": {}, "_reading": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _reading=threading.Lock())

    @property
    def digest(self) -> bytes:
        """Equal for equal rows."""
        digest = hashlib.blake2b(repr((self._path, self._columns, self._dtype)).encode())
        for array in (self._rows, self._mean, self._scale):
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
            result[here] = (values - self._mean) / self._scale
        if not np.isfinite(result).all():
            column = self._columns[int(np.argmin(np.isfinite(result).all(axis=0)))]
            raise ValueError(
                f"{self._path} has missing or infinite values in the column {column!r}. Fill them "
                "in, or leave the column out"
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
        values = [read_group(self._path, int(group), self._columns) for group in groups]
        middle = time.perf_counter()
        for part in values:
            (part - self._mean) / self._scale
        end, count = time.perf_counter(), sum(map(len, values))
        return {"read": (middle - begin) / count, "scale": (end - middle) / count}

    def _group(self, number: int) -> NDArray[Any]:
        """A row group; those read last are kept."""
        with self._reading:  # Threads that need the same group want it one after another.
            values = self._kept.get(number)
            if values is None:
                values = read_group(self._path, number, self._columns)
                if (len(self._kept) + 1) * values.nbytes > _KEPT_BYTES:
                    self._kept = {}
                self._kept[number] = values
            return values


def read_group(path: str, number: int, columns: tuple[str, ...]) -> NDArray[Any]:
    """A row group of numeric columns, shape (row, column).

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            group = file.read_row_group(number, columns=list(columns))
    except Exception as error:
        raise ValueError(f"{path} cannot be read ({error})") from error
    kind = np.result_type(np.float32, *(field.type.to_pandas_dtype() for field in group.schema))
    return np.stack([group[name].to_numpy().astype(kind) for name in columns], axis=1)

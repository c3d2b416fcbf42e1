"""Rows that are still in files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kohort.engine.order import Order


class Reader(Protocol):
    """A member's place in the rows that a loader brings, epoch after epoch.

    Attributes
    ----------
    waited : float
        Seconds spent waiting for rows.
    """

    waited: float

    def take(self, out: NDArray[Any]) -> None:
        """Copy the next rows, as many as `out` (row, feature) has."""
        ...

    def close(self) -> None:
        """Let the loader go."""
        ...


class SlicedRows(Protocol):
    """Rows that are read a slice at a time: an array, or an object that gives arrays by slice."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, then the shape of one row."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the arrays."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> NDArray[Any]: ...


class LazyRows(ABC):
    """Features that are read when they are needed; a row of any shape is flat.

    Attributes
    ----------
    shape : tuple of int
        Rows, then the shape of one row.
    dtype : numpy.dtype
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    nbytes = 0
    """Bytes that it holds in memory."""

    travels = False
    """Whether another machine could read them as well."""

    blocks: NDArray[np.intp] | None = None
    window: int = 1
    """Which block of a file holds each row, and how many are shuffled together; see `Order`."""

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    @abstractmethod
    def digest(self) -> bytes:
        """Equal for rows that are equal."""

    @abstractmethod
    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """Flat rows `(..., feature)` for an array `(...)` of row numbers, or for a slice."""

    @abstractmethod
    def reader(self, order: Order, first: int, last: int) -> Reader:
        """Read in an order, from the beginning of the epoch `first` to that of the epoch `last`."""

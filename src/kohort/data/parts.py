"""Parts that a loader's workers make: consecutive pieces of the epochs of an order.

NumPy alone, so that the workers need not import kohort.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_ENDLESS = 2**40


class Source(Protocol):
    """Rows by their numbers, wherever they are kept; it travels to the workers."""

    @property
    def digest(self) -> bytes:
        """Equal for equal rows."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Flat rows, shape (row, feature)."""
        ...

    @property
    def part_rows(self) -> int:
        """Rows that are best read at once."""
        ...

    def costs(self, rows: NDArray[np.intp]) -> dict[str, float]:
        """Seconds that one row takes on average, by activity."""
        ...


class OrderLike(Protocol):
    """Row numbers epoch by epoch; see `kohort.engine.order.Order`."""

    @property
    def size(self) -> int: ...

    def epoch(self, number: int) -> NDArray[np.intp]: ...


class Parts:
    """A sequence of arrays of rows: part after part of an epoch, epoch after epoch without end.

    Parameters
    ----------
    source : Source
        The rows; `source.part_rows` of them make a part, the last part of an epoch may have fewer.
    order : Order
    """

    def __init__(self, source: Source, order: OrderLike) -> None:
        self._source, self._order, self._rows = source, order, source.part_rows
        self._epoch: tuple[int, NDArray[np.intp]] | None = None

    @property
    def per_epoch(self) -> int:
        """Parts of an epoch."""
        return -(-self._order.size // self._rows)

    def __len__(self) -> int:
        return _ENDLESS

    def __getitem__(self, number: int) -> NDArray[Any]:
        epoch, part = divmod(number, self.per_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._order.epoch(epoch)
        start = part * self._rows
        return self._source[self._epoch[1][start : start + self._rows]]

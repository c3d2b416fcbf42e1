"""Rows that stay in files: read at random, or streamed in an order by worker processes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import DTypeLike
from kohort.data.feeds import Feed, FeedReader
from kohort.data.loader import require_grain
from kohort.data.parts import Parts, Source
from kohort.engine.memory import available_memory
from kohort.engine.order import Order
from kohort.engine.rows import LazyRows
from kohort.errors import DataError

_AHEAD_BYTES = 32 * 1024**2
_LEAST_AHEAD = 4


class Stream(LazyRows):
    """Rows of a source.

    Parameters
    ----------
    source : Source
    shape : tuple of int
        Shape of a row.
    dtype : numpy.dtype
    workers : int
        Processes that read; 0 to read in the training process.
    blocks : array of int, shape (row,), or None
    window : int
        See `Order`.
    """

    def __init__(
        self,
        source: Source,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        workers: int,
        blocks: NDArray[np.intp] | None = None,
        window: int = 1,
    ) -> None:
        if workers:
            require_grain()
        self.source, self.workers = source, workers
        self.shape, self.dtype = (len(source), *shape), np.dtype(dtype)
        self.blocks, self.window = blocks, window
        self._row_bytes = int(np.prod(shape)) * self.dtype.itemsize
        self._feeds: dict[Any, list[Feed]] = {}
        self._lock = threading.Lock()

    def with_workers(self, workers: int) -> Stream:
        """The same rows, read by this number of processes."""
        kept = self.dtype, workers, self.blocks, self.window
        return Stream(self.source, self.shape[1:], *kept)

    @property
    def digest(self) -> bytes:
        return self.source.digest

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        chosen = np.arange(len(self))[rows]
        flat = chosen.reshape(-1)
        if not len(flat):
            return np.empty((*chosen.shape, int(np.prod(self.shape[1:]))), self.dtype)
        needed, free = len(flat) * self._row_bytes, available_memory()
        if needed > free:
            raise DataError(
                f"{len(flat)} rows take {needed / 2**30:.1f} GiB in memory, of which "
                f"{free / 2**30:.1f} GiB are free. Validate on fewer rows, or make images smaller."
            )
        size = self.source.part_rows
        parts = [flat[start : start + size] for start in range(0, len(flat), size)]
        with ThreadPoolExecutor() as pool:
            try:
                read = list(pool.map(self.source.__getitem__, parts))
            except ValueError as error:
                raise DataError(str(error)) from error
        return np.concatenate(read).reshape(*chosen.shape, -1)

    def reader(self, order: Order, first: int, last: int) -> FeedReader:
        """Read in an order, along with others that do; or alone if they are further already."""
        made = Parts(self.source, order)
        place = first * made.per_epoch, last * made.per_epoch
        part_bytes = self.source.part_rows * self._row_bytes
        ahead = max(_LEAST_AHEAD, self.workers * 4, _AHEAD_BYTES // part_bytes)
        with self._lock:
            still = {key: [f for f in feeds if f.open] for key, feeds in self._feeds.items()}
            self._feeds = {key: feeds for key, feeds in still.items() if feeds}
            feeds = self._feeds.setdefault(order.key, [])
            for feed in feeds:
                if (reader := feed.join(*place)) is not None:
                    return reader
            feed = Feed(made, self.workers, place[0], ahead)
            feeds.append(feed)
            reader = feed.join(*place)
        assert reader is not None
        return reader

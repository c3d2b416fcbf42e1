"""One pass over files that feeds all members that read in the same order."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.data.loader import Loader
from kohort.data.parts import Parts
from kohort.errors import CancelledError

_open: weakref.WeakSet[Feed] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Let workers end before the interpreter does."""
    for feed in list(_open):
        feed.close()


_PATIENCE = 5.0
"""Seconds without progress after which a reader goes on without those it waits for."""


class Feed:
    """Parts of rows that a thread fetches from a loader and keeps until all readers have had them.

    Parameters
    ----------
    made : Parts
    workers : int
    start : int
        Number of the first part.
    ahead : int
        Parts that are made before the slowest reader asks for them; half as many are kept after.
    """

    def __init__(self, made: Parts, workers: int, start: int, ahead: int) -> None:
        self._made, self._workers, self._ahead = made, workers, ahead
        self._loader = Loader(made, workers, start)
        self._changed = threading.Condition()
        self._kept: dict[int, NDArray[Any]] = {}
        self._first, self._next = start, start
        self._readers: list[FeedReader] = []
        self._error: BaseException | None = None
        self._other: Feed | None = None
        self._thread = threading.Thread(target=self._fetch, name="kohort-feed", daemon=True)
        _open.add(self)

    def join(self, part: int, last: int) -> FeedReader | None:
        """Read along from a part to the one before `last`.

        None if the first part is kept no longer or is far ahead.
        """
        reader = FeedReader(self, part, last)
        return reader if self._takes(reader) else None

    def _takes(self, reader: FeedReader) -> bool:
        with self._changed:
            if not self.open or not self._first <= reader.number <= self._next:
                return False
            self._readers.append(reader)
            if self._thread.ident is None:
                self._thread.start()
            self._changed.notify_all()
            return True

    def close(self) -> None:
        """End the feed, even if others still read, and wait a while for its workers."""
        with self._changed:
            self._error = self._error or CancelledError("The rows are no longer read.")
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE)

    def apart(self, reader: FeedReader) -> Feed:
        """Another feed for a reader that has left, from the part on that it is at; those who leave
        at one part share it.
        """
        with self._changed:
            if self._other is None or not self._other._takes(reader):
                self._other = Feed(self._made, self._workers, reader.number, self._ahead)
                self._other._takes(reader)
            self._changed.notify_all()
            return self._other

    @property
    def open(self) -> bool:
        """Whether it may still be joined."""
        return self._error is None

    def part(self, number: int) -> NDArray[Any] | None:
        """A part, once it is there; None if others are too slow for it to be fetched."""
        with self._changed:
            while number not in self._kept:
                if self._error is not None:
                    raise self._error
                moved = self._changed.wait(_PATIENCE)
                held_up = number >= self._slowest + self._ahead
                if held_up and (not moved or self._other is not None):
                    return None
            return self._kept[number]

    def moved(self) -> None:
        """Drop parts that all readers have had long ago; some are kept for those that come late."""
        with self._changed:
            first = self._slowest - self._ahead // 2
            for number in range(self._first, first):
                self._kept.pop(number, None)
            self._first = max(self._first, first)
            self._changed.notify_all()

    @property
    def _slowest(self) -> int:
        """The part that the slowest reader is at."""
        return min((reader.number for reader in self._readers), default=self._next)

    def leave(self, reader: FeedReader) -> None:
        """One reader fewer; the last one ends the loader."""
        with self._changed:
            if reader in self._readers:
                self._readers.remove(reader)
            if not self._readers and self.open:
                self._error = CancelledError("The rows are no longer read.")
                self._kept.clear()
        self.moved()

    def _fetch(self) -> None:
        try:
            while self._has_room():
                made = np.array(next(self._loader))  # Grain's own array is shared memory.
                with self._changed:
                    if self._readers:
                        self._kept[self._next] = made
                    self._next += 1
                    self._changed.notify_all()
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()
        finally:
            self._loader.close()

    def _has_room(self) -> bool:
        """Wait until a reader needs another part; false when there is no reader any more."""
        with self._changed:
            while self.open and not self._next < min(self._slowest + self._ahead, self._last):
                self._changed.wait()
            return self.open

    @property
    def _last(self) -> int:
        return max((reader.last for reader in self._readers), default=0)


class FeedReader:
    """One member's place in a feed.

    Attributes
    ----------
    number, last : int
        The part that it reads now, and the one at which it stops.
    waited : float
        Seconds spent waiting for rows.
    """

    def __init__(self, feed: Feed, number: int, last: int) -> None:
        self._feed, self.number, self.last = feed, number, last
        self._row = 0
        self.waited = 0.0

    def _part(self) -> NDArray[Any]:
        begin = time.perf_counter()
        part = self._feed.part(self.number)
        if part is None:  # The others may wait for this member in turn.
            self._feed.leave(self)
            self._feed = self._feed.apart(self)
            part = self._feed.part(self.number)
            assert part is not None
        self.waited += time.perf_counter() - begin
        return part

    def take(self, out: NDArray[Any]) -> None:
        """Copy the next rows, as many as `out` (row, feature) has."""
        done = 0
        while done < len(out):
            part = self._part()
            rows = part[self._row : self._row + len(out) - done]
            out[done : done + len(rows)] = rows
            done += len(rows)
            self._row += len(rows)
            if self._row == len(part):
                self.number, self._row = self.number + 1, 0
                self._feed.moved()

    def close(self) -> None:
        """Read no more."""
        self._feed.leave(self)

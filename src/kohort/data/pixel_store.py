"""Headers and pixels of image files, each file read once for all fits that need it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import PathLike
from kohort.data.decoding import Images
from kohort.data.images import Header, headers, image_rows
from kohort.engine.memory import available_memory

Stamp = tuple[str, int, int]
Key = tuple[Hashable, ...]
"""A stamp, and the form in which the pixels were asked for."""
Part = tuple[NDArray[np.uint8], list[Key]]
"""Images that were read together, and the key of each."""


class PixelStore:
    """A store of the pixels of image files, valid as long as the files do not change.

    scikit-learn cuts the paths of each fold anew for each candidate; most files are in most folds.
    Where the pixels of all do not fit, those whose last use is longest ago go, but none that the
    same call uses: of folds that are larger than the store a part is still read once.

    Parameters
    ----------
    most_bytes : int or None, default=None
        Most bytes of pixels that are kept; None for a quarter of the memory that is free now.
    most_headers : int, default=1048576
        Greatest number of headers that are kept.

    Examples
    --------
    >>> store = PixelStore()
    >>> [header.fault for header in store.headers(["gone.png"])]
    ['does not exist']
    """

    def __init__(self, most_bytes: int | None = None, most_headers: int = 2**20) -> None:
        self._most_bytes = available_memory() // 4 if most_bytes is None else most_bytes
        self._most_headers = most_headers
        self._headers: OrderedDict[Stamp, Header] = OrderedDict()
        self._parts: OrderedDict[int, Part] = OrderedDict()
        self._places: dict[Key, tuple[int, int]] = {}
        self._bytes = 0
        self._number = count()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels that are kept."""
        return self._bytes

    def headers(self, paths: Sequence[Any]) -> list[Header]:
        """The header of every file."""
        stamps = [_stamp(path) for path in paths]
        with self._lock:
            new = {s: path for s, path in zip(stamps, paths, strict=True) if s not in self._headers}
            self._headers |= dict(zip(new, headers(list(new.values())), strict=True))
            for stamp in stamps:
                self._headers.move_to_end(stamp)
            found = [self._headers[stamp] for stamp in stamps]
            while len(self._headers) > self._most_headers:
                self._headers.popitem(last=False)
            return found

    def pixels(self, images: Images) -> NDArray[np.uint8]:
        """All images decoded, shape (image, height, width, channel).

        Raises
        ------
        DataError
            If a file cannot be decoded.
        """
        rows = image_rows(images, workers=0)
        form = rows.shape[1:], images.crop
        with self._lock:
            keys: list[Key] = [(*_stamp(path), form) for path in images.paths]
            new = [place for place, key in enumerate(keys) if key not in self._places]
            read = rows[np.array(new, np.intp)]
            if len(new) == len(keys):
                found = read.reshape(rows.shape)
            else:
                every = {key: self._row(key) for key in keys if key in self._places}
                every |= dict(zip((keys[place] for place in new), read, strict=True))
                found = np.stack([every[key] for key in keys]).reshape(rows.shape)
            self._keep([keys[place] for place in new], read, keys)
            return found

    def _row(self, key: Key) -> NDArray[np.uint8]:
        part, row = self._places[key]
        return self._parts[part][0][row]

    def _keep(self, new: list[Key], read: NDArray[np.uint8], used: list[Key]) -> None:
        """Keep pixels that were read, as many as there is room for once idle ones are dropped."""
        busy = {self._places[key][0] for key in used if key in self._places}
        for part in sorted(busy):
            self._parts.move_to_end(part)
        for _ in range(len(self._parts) - len(busy)):
            if self._bytes + read.nbytes <= self._most_bytes:
                break
            rows, keys = self._parts.popitem(last=False)[1]
            self._bytes -= rows.nbytes
            for key in keys:
                self._places.pop(key, None)  # A path that was asked for twice is there twice.
        room = (self._most_bytes - self._bytes) // max(1, read[:1].nbytes)
        kept = read if len(read) <= room else read[:room].copy()
        if len(kept):
            part = next(self._number)
            self._parts[part] = kept, new[: len(kept)]
            self._places |= {key: (part, row) for row, key in enumerate(new[: len(kept)])}
            self._bytes += kept.nbytes


_shared: ContextVar[PixelStore | None] = ContextVar("kohort_pixel_store", default=None)


@contextmanager
def reading_once() -> Iterator[None]:
    """Let all fits inside, of the same thread, read each file once."""
    token = _shared.set(shared_store())
    try:
        yield
    finally:
        _shared.reset(token)


def shared_store() -> PixelStore:
    """The store of the outermost `reading_once` that is open, else a new one."""
    return _shared.get() or PixelStore()


def _stamp(path: PathLike) -> Stamp:
    """The facts that change when a file does."""
    try:
        status = Path(path).stat()
    except (OSError, TypeError, ValueError):  # Gone, or no path at all.
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size

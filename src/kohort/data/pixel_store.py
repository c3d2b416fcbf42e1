"""Headers and pixels of image files, each file read once for all fits that need it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import PathLike
from kohort.data.decoding import Images
from kohort.data.images import Header, headers, image_rows

Stamp = tuple[str, int, int]


class PixelStore:
    """What has been read of image files, for as long as the files do not change.

    scikit-learn cuts the paths of each fold anew for each candidate; most files are in most folds.

    Examples
    --------
    >>> store = PixelStore()
    >>> [header.fault for header in store.headers(["gone.png"])]
    ['does not exist']
    """

    def __init__(self) -> None:
        self._headers: dict[Stamp, Header] = {}
        self._pixels: dict[tuple[Any, ...], NDArray[np.uint8]] = {}
        self._lock = threading.Lock()

    def headers(self, paths: Sequence[Any]) -> list[Header]:
        """The header of every file."""
        stamps = [_stamp(path) for path in paths]
        with self._lock:
            new = {s: path for s, path in zip(stamps, paths, strict=True) if s not in self._headers}
            self._headers |= dict(zip(new, headers(list(new.values())), strict=True))
            return [self._headers[stamp] for stamp in stamps]

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
            keys = [(*_stamp(path), form) for path in images.paths]
            new = [place for place, key in enumerate(keys) if key not in self._pixels]
            read = rows[np.array(new, np.intp)]
            self._pixels |= {keys[place]: row for place, row in zip(new, read, strict=True)}
            if len(new) == len(keys):
                return read.reshape(rows.shape)
            return np.stack([self._pixels[key] for key in keys]).reshape(rows.shape)


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
    """What changes when a file does."""
    try:
        status = Path(path).stat()
    except (OSError, TypeError, ValueError):  # Gone, or no path at all.
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size

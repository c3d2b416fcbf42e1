"""A store in a folder: a file for each member that has ended, which any number of processes share.

A file takes its name when it is complete, and never changes: there is nothing to lock, and a
process that is killed leaves at most a file without a name, which is removed later.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from kohort.arrays import PathLike
from kohort.engine.member import Outcome
from kohort.engine.outcome_file import SUFFIX, DamagedError, packed, unpacked
from kohort.errors import DataError, ParameterError, StoreWarning, explain, shown
from kohort.recipe.constraints import Interval, check

LIMIT = 10 * 2**30
"""Bytes that a store holds by default."""

MARK = "kohort-store.json"
"""Name of the file that says that a folder is a store."""

_FORMAT = 1
_KEY = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"[0-9a-f]{2}")
_LEFT = 0.9  # Share of the limit that is left when files had to go.
_STALE = 3600.0  # Seconds after which a file without a name is a killed process's.


class Entry(NamedTuple):
    """A file of a store: key, size in bytes, and time of the last use in seconds since 1970."""

    key: str
    size: int
    used: float


class FolderStore:
    """A folder that keeps the results of fits for later searches and for other processes.

    Parameters
    ----------
    folder : str or path
        A new folder, an empty one, or one that is a store already.
    limit : int, default=10 GiB
        Bytes that the files may take together, >= 1. A store above its limit removes the files
        whose last use is longest ago.

    Raises
    ------
    ParameterError
        If the limit is no positive whole number.
    DataError
        If the folder holds other files, was written by a later version, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = kohort.DenseRegressor(width=16, epochs=5, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for again in range(2):
    ...         with kohort.together(store=kohort.FolderStore(folder), progress=False) as cohort:
    ...             _ = model.fit(X, y)
    ...         print(cohort.census().found)
    0
    1
    """

    def __init__(self, folder: PathLike, limit: int = LIMIT) -> None:
        check("limit", limit, Interval(1, float("inf"), whole=True))
        self.folder, self.limit = Path(folder).absolute(), limit
        self._held: int | None = None
        self._lock = threading.Lock()
        try:
            self._open()
        except OSError as error:
            raise _unusable(self.folder, error.strerror or str(error)) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FolderStore) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def __repr__(self) -> str:
        return f"FolderStore({str(self.folder)!r})"

    def _open(self) -> None:
        mark = self.folder / MARK
        self.folder.mkdir(parents=True, exist_ok=True)
        if not mark.exists():
            names = (entry.name for entry in self.folder.iterdir())
            if any(name != MARK and not name.startswith(".") for name in names):
                raise _unusable(self.folder, "It holds other files")
            self._write(mark, json.dumps({"format": _FORMAT}).encode())
        try:
            version = json.loads(mark.read_bytes())["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise _unusable(self.folder, f"{MARK} is damaged") from error
        if version != _FORMAT:
            raise _unusable(self.folder, "A later version of kohort wrote it")

    def get(self, key: str) -> Outcome | None:
        """Read the outcome that is kept under a key.

        A damaged file is removed with a `StoreWarning`, as if it had not been there.

        Parameters
        ----------
        key : str
            The hash of the fit, 64 hexadecimal digits.

        Returns
        -------
        Outcome or None
            None if the store has no outcome under this key.

        Raises
        ------
        OSError
            If the file exists and cannot be read.
        """
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            outcome = unpacked(key, data)
        except DamagedError as error:
            self._remove(path)
            warnings.warn(
                f"A fit in the store {shown(str(self.folder))} is damaged ({error}); it is trained "
                "again.",
                StoreWarning,
                stacklevel=2,
            )
            return None
        with suppress(OSError):
            os.utime(path)
        return outcome

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep an outcome under a key, in place of an earlier one under the same key.

        Parameters
        ----------
        key : str
            The hash of the fit, 64 hexadecimal digits.
        outcome : Outcome
            The weights and the history of a fit that has ended.

        Raises
        ------
        OSError
            If the file cannot be written.
        TypeError
            If the weights are of a type that cannot be kept.
        """
        path, data = self._path(key), packed(key, outcome)
        try:
            self._write(path, data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(path, data)
        self._grow(len(data))

    def entries(self) -> Iterator[Entry]:
        """List the files of the store.

        Yields
        ------
        Entry
            Key, size and last use of a file, in no particular order. Files that another process
            removes meanwhile may be missing.
        """
        for part in self._parts():
            with suppress(OSError), os.scandir(part) as files:
                for file in files:
                    key, _, suffix = file.name.partition(".")
                    if _KEY.fullmatch(key) and f".{suffix}" == SUFFIX:
                        with suppress(OSError):
                            found = file.stat()
                            yield Entry(key, found.st_size, found.st_mtime)

    def prune(self, limit: int) -> list[Entry]:
        """Remove files, those first whose last use is longest ago, until the store is small enough.

        Parameters
        ----------
        limit : int
            Bytes that the remaining files may take together, >= 0.

        Returns
        -------
        list of Entry
            The removed files.
        """
        check("limit", limit, Interval(0, float("inf"), whole=True))
        entries = sorted(self.entries(), key=lambda entry: entry.used)
        held, removed = sum(entry.size for entry in entries), []
        for entry in entries:
            if held <= limit:
                break
            self._remove(self._path(entry.key))
            held -= entry.size
            removed.append(entry)
        self._remove_unfinished()
        self._held = held
        return removed

    def verify(self) -> list[str]:
        """Read every file, and remove those that are damaged.

        Returns
        -------
        list of str
            Keys of the removed outcomes.
        """
        damaged = []
        for entry in list(self.entries()):
            path = self._path(entry.key)
            try:
                unpacked(entry.key, path.read_bytes())
            except DamagedError:
                self._remove(path)
                damaged.append(entry.key)
            except FileNotFoundError:  # It went meanwhile.
                continue
        return damaged

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ParameterError(explain("key", "64 hexadecimal digits", key))
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def _parts(self) -> list[Path]:
        with suppress(OSError):
            return [part for part in self.folder.iterdir() if _PART.fullmatch(part.name)]
        return []

    def _write(self, path: Path, data: bytes) -> None:
        """A file that is complete or not there at all."""
        unfinished = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with unfinished.open("xb") as file:
                file.write(data)
            unfinished.replace(path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise

    def _grow(self, size: int) -> None:
        """Count bytes written; other processes' files are seen when the count seems too large."""
        with self._lock:
            if self._held is None:
                self._held = sum(entry.size for entry in self.entries())
            else:
                self._held += size
            if self._held > self.limit:
                self.prune(int(_LEFT * self.limit))

    def _remove(self, path: Path) -> None:
        with suppress(OSError):
            path.unlink()

    def _remove_unfinished(self) -> None:
        for part in [self.folder, *self._parts()]:
            for file in part.glob(".*.part"):
                with suppress(OSError):
                    if time.time() - file.stat().st_mtime > _STALE:
                        file.unlink()


def holds_only_fits(folder: Path) -> bool:
    """Whether a folder is a store, and holds nothing that no store has written."""
    store = [MARK, r"[0-9a-f]{2}", rf"[0-9a-f]{{2}}/[0-9a-f]{{64}}{re.escape(SUFFIX)}"]
    known = re.compile("|".join([*store, r"([0-9a-f]{2}/)?\.[0-9a-f]{16}\.part"]))
    paths = list(folder.rglob("*"))
    return (folder / MARK).is_file() and not any(
        path.is_symlink()
        or not known.fullmatch(path.relative_to(folder).as_posix())
        or path.is_dir() != bool(_PART.fullmatch(path.name))
        for path in paths
    )


def _unusable(folder: Path, reason: str) -> DataError:
    requirement = "a new or an empty folder, or a store of kohort's"
    return DataError(explain("store", requirement, str(folder), f"{reason}. Choose another."))

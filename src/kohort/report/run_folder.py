"""The folder that a run leaves behind: complete, or not there at all, and marked as kohort's."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from kohort._version import VERSION
from kohort.engine.folder_store import holds_only_fits
from kohort.errors import DataError, explain
from kohort.scratch import hidden_siblings, release, replacing, scratch_folder, uninterrupted

PROGRESS = "progress.jsonl"
"""Name of the file in the folder of a run that has not ended."""

MARK = ".kohort-run.json"
"""Name of the file that says which files of a folder are kohort's."""

FITS = "fits"
"""Name of the folder in a run's that is a store of its fits."""


@contextmanager
def new_folder(
    path: str | Path, overwrite: bool = False, read: Sequence[Path | None] = ()
) -> Iterator[Path]:
    """A folder to write into, which takes its name only when the block ends without an error.

    Until then it is a hidden sibling of `path`, so a run that fails or is interrupted leaves
    nothing under `path`, and an older run there stays as it was. A folder is replaced only if it
    has the mark of a run of kohort's and holds nothing else: files that kohort did not write are
    never removed. Fits that have ended by then stay in the store `fits` inside of it, and the next
    run of the same path finds them there, as it finds those of a run that it replaces.

    Parameters
    ----------
    path : str or path
        Must not exist, or be an empty folder, unless `overwrite`.
    overwrite : bool, default=False
        Whether to replace the folder of an earlier run.
    read : sequence of path or None
        Files that the run reads: none may be inside of a folder that it replaces.

    Yields
    ------
    path
        The folder to write into.

    Raises
    ------
    DataError
        If the folder cannot be made, or holds what may not be removed. If that shows only at the
        end, the run's folder is kept beside it, and the message names it.
    """
    path = _resolved(path)
    try:
        refuse_occupied(path, overwrite, read)
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(path, FITS) as partial:
            if overwrite:
                _share(path / FITS, partial / FITS)
            yield partial
            partial.chmod(0o777 & ~_umask())
            mark(partial, [entry.name for entry in partial.iterdir() if entry.name != FITS])
            with uninterrupted():
                release(partial)
                _move(partial, path, overwrite)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def _share(store: Path, target: Path) -> None:
    """Let a store have the files of another one too."""
    for path in store.rglob("*"):
        place = target / path.relative_to(store)
        if path.is_file() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                place.hardlink_to(path)
            except OSError:  # A file system without links.
                shutil.copy2(path, place)


def _resolved(path: str | Path) -> Path:
    """The path without links, so that a run takes the place of what a link leads to."""
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError) as error:  # A ring of links.
        raise _unwritable(Path(path), "It leads nowhere") from error


def _unwritable(path: Path, reason: str) -> DataError:
    remedy = f"{reason}. Choose another."
    return DataError(explain("out", "a folder that can be written", str(path), remedy))


def mark(folder: Path, names: Sequence[str]) -> None:
    """Say in a folder that these files, and those that were marked before, are kohort's."""
    own = sorted({*names, *_marked(folder)} - {MARK, ".lock"})
    content = {"kohort": VERSION, "files": own}
    write_file(folder / MARK, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def is_unfinished(run: Path) -> bool:
    """Whether a search was to write this folder, and has left its progress alone."""
    try:
        return not run.exists() and any(
            (each / PROGRESS).is_file() for each in hidden_siblings(run)
        )
    except OSError:  # No system takes such a name: reading the folder will say so.
        return False


def refuse_missing_run(folder: Path) -> None:
    """Raise `DataError` if there is no such folder."""
    try:
        remedy = "" if folder.is_dir() else "There is no such folder."
    except OSError as error:  # A name that is too long, for one.
        remedy = f"{error.strerror}."
    if remedy:
        requirement = "a folder that `kohort search --out` wrote"
        raise DataError(explain("RUN", requirement, str(folder), remedy))


def has_died(run: Path) -> bool:
    """Whether a search has left its progress alone.

    Raises
    ------
    DataError
        If there is neither that nor the folder of a search that ended.
    """
    died = is_unfinished(run)
    if not died:
        refuse_missing_run(run)
    return died


def write_file(path: str | Path, text: str) -> None:
    """Write a text file that is complete or not there at all.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    try:
        with replacing(Path(path)) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            explain("out", "a file that can be written", str(path), f"{reason}. Choose another.")
        ) from error


def refuse_replacing(out: Path, read: Sequence[Path], folder: Path) -> None:
    """Raise `DataError` if a file to be written is one of those read, or one that the folder needs.

    Parameters
    ----------
    out : path
        The file to be written.
    read : sequence of path
        Files and folders that the command reads.
    folder : path
        Of a run; its pages may be replaced.
    """
    own = (folder / name for name in sorted(_marked(folder)) if not name.endswith(".html"))
    for path in (*read, *own):
        if out.exists() and path.exists() and out.samefile(path):
            requirement = "a file other than those that the command reads"
            remedy = "Nothing was replaced. Choose another."
            raise DataError(explain("out", requirement, str(out), remedy))


def refuse_occupied(path: Path, overwrite: bool, read: Sequence[Path | None]) -> None:
    """Raise `DataError` unless the path is free, or holds a run that may be replaced; parameters
    are those of `new_folder`.
    """
    path = _resolved(path)
    try:
        _refuse_occupied(path, overwrite, [file.resolve() for file in read if file is not None])
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def _refuse_occupied(path: Path, overwrite: bool, read: Sequence[Path]) -> None:
    if path.exists() and not path.is_dir():
        raise DataError(explain("out", "a folder", str(path), "A file has that name."))
    if Path.cwd().is_relative_to(path):
        remedy = "Name one inside of it, or one elsewhere."
        requirement = "a folder other than the one that you are in"
        raise DataError(explain("out", requirement, str(path), remedy))
    if not path.is_dir() or not any(path.iterdir()):
        return
    if not overwrite:
        requirement = "a new or an empty folder"
        remedy = "Choose another, or add --overwrite to replace an earlier run."
        raise DataError(explain("out", requirement, str(path), remedy))
    _refuse_foreign(path, path)
    for file in read:
        if file.is_relative_to(path):
            remedy = f"It holds {file.name!r}, which this run reads. Choose another folder."
            raise DataError(explain("out", "a folder that may be replaced", str(path), remedy))


def _refuse_foreign(folder: Path, shown: Path) -> None:
    """Raise `DataError` if a folder holds anything that kohort did not write."""
    own = _marked(folder)
    foreign = sorted(e.name for e in os.scandir(folder) if not _is_own(e, own))
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        found = f"{foreign[0]!r}{more}, which kohort did not write"
        remedy = f"It holds {found}; nothing was removed. Choose another folder."
        requirement = "the folder of an earlier run, and hold nothing else, to be overwritten"
        raise DataError(explain("out", requirement, str(shown), remedy))


def _is_own(entry: os.DirEntry[str], own: frozenset[str]) -> bool:
    if entry.name == FITS and entry.is_dir(follow_symlinks=False):
        return holds_only_fits(Path(entry.path))
    return entry.name in own and entry.is_file(follow_symlinks=False)


def _marked(folder: Path) -> frozenset[str]:
    """Names of the files that a folder's mark calls kohort's, the mark included; none without."""
    try:
        names = json.loads((folder / MARK).read_text(encoding="utf-8"))["files"]
        return frozenset({MARK, *map(str, names)})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()


def _move(partial: Path, path: Path, overwrite: bool) -> None:
    """Give the folder its name; what had it must be nothing, empty, or a run to be replaced."""
    try:
        with suppress(OSError):
            path.rmdir()  # Removes an empty folder alone.
        if overwrite and path.is_dir():
            _replace(partial, path)
        else:
            partial.rename(path)  # Fails where somebody has put something there meanwhile.
    except (OSError, DataError) as error:
        kept = _free_name(path)
        partial.rename(kept)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(
            f"The run is complete and kept in {str(kept)!r}, as {str(path)!r} was taken: {reason}."
        ) from error


def _replace(partial: Path, path: Path) -> None:
    old = path.with_name(f".{path.name}-replaced-{secrets.token_hex(8)}")
    path.rename(old)
    try:
        _refuse_foreign(old, path)
        partial.rename(path)
    except (OSError, DataError):
        old.rename(path)
        raise
    for name in _marked(old):
        (old / name).unlink(missing_ok=True)
    shutil.rmtree(old / FITS, ignore_errors=True)
    try:
        old.rmdir()
    except OSError:  # Something has come into it since it was looked at.
        old.rename(_free_name(path))


def _free_name(path: Path) -> Path:
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(other for other in numbered if not os.path.lexists(other))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

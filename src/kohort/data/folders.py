"""Folders of images: one sub-folder per class, or images alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kohort.data.images import Header
from kohort.errors import DataError, explain

# Files that systems leave behind in folders, beside those hidden by their names.
_LEFT_BEHIND = {"thumbs.db", "desktop.ini", "__macosx"}
_SIDE = 32


def labelled_files(folder: str | Path) -> tuple[list[Path], NDArray[np.str_]]:
    """Image files of a folder with one sub-folder per class.

    Hidden files are ignored. Whether the files are images is not looked at; see
    `kohort.data.images.headers`.

    Parameters
    ----------
    folder : str or path

    Returns
    -------
    list of path
        Sorted by class, then by name.
    array of str, shape (path,)
        The class of each: the name of its sub-folder.

    Raises
    ------
    DataError
        If the folder cannot be read, or does not hold at least two classes of images and nothing
        else.
    """
    folder = Path(folder)
    inside = _entries(folder)
    classes = [entry for entry in inside if entry.is_dir()]
    loose = [entry.name for entry in inside if not entry.is_dir()]
    requirement = "a folder with one sub-folder of images per class"
    if loose and classes:
        remedy = f"Beside the classes it holds {_listed(loose)}: move them into a class, or away."
        raise DataError(explain("DATA", requirement, str(folder), remedy))
    if len(classes) < 2:
        found = f"one class, {classes[0].name!r}" if classes else "no sub-folder"
        remedy = f"It holds {found}. Put the images of each class into a sub-folder."
        raise DataError(explain("DATA", requirement, str(folder), remedy))
    files = {entry: _files_of_class(entry) for entry in classes}
    empty = [entry.name for entry, found in files.items() if not found]
    if empty:
        remedy = f"No file is in {_listed(empty)}: add images, or remove the sub-folder."
        raise DataError(explain("DATA", requirement, str(folder), remedy))
    labels = [entry.name for entry, found in files.items() for _ in found]
    return [path for found in files.values() for path in found], np.asarray(labels)


def _files_of_class(folder: Path) -> list[Path]:
    inside = _entries(folder)
    nested = [entry.name for entry in inside if entry.is_dir()]
    if nested:
        remedy = f"It holds the sub-folders {_listed(nested)}."
        if len(nested) == len(inside):
            remedy += f" If these are the classes, give {str(folder)!r} itself."
        requirement = "images and no further folders"
        raise DataError(f"A class must hold {requirement}; got {str(folder)!r}. {remedy}")
    return inside


def files_within(given: Sequence[str | Path]) -> list[Path]:
    """Files that are given, and those inside of folders that are, however deep.

    Raises
    ------
    DataError
        If one does not exist, or there is no file at all.
    """
    found = [file for path in given for file in _walk(Path(path))]
    if not found:
        shown = ", ".join(map(str, given))
        raise DataError(explain("DATA", "image files, or folders with some", shown))
    return found


def _walk(path: Path) -> Iterable[Path]:
    if path.is_dir():
        for entry in _entries(path):
            yield from _walk(entry)
    elif path.exists():
        yield path
    else:
        raise DataError(explain("DATA", "an existing file or folder", str(path), "Check the path."))


def _entries(folder: Path) -> list[Path]:
    """The entries of a folder, sorted, without hidden ones."""
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            explain("DATA", "a folder that can be read", str(folder), f"{reason}.")
        ) from error
    return [
        entry
        for entry in inside
        if not entry.name.startswith(".") and entry.name.lower() not in _LEFT_BEHIND
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" * (len(names) > 3))


def common_form(found: Sequence[Header]) -> tuple[tuple[int, int], int]:
    """Size and channels to read image files with, where nobody has said so.

    Parameters
    ----------
    found : sequence of Header
        Of images.

    Returns
    -------
    (height, width)
        The size that all have, made smaller where it exceeds 32 pixels; (32, 32) where they differ.
    int
        1 where all are grey, else 3.
    """
    channels = 1 if all(header.grey for header in found) else 3
    sizes = {header.size for header in found}
    if len(sizes) > 1:
        return (_SIDE, _SIDE), channels
    height, width = sizes.pop()
    factor = min(1.0, _SIDE / max(height, width))
    return (max(1, round(height * factor)), max(1, round(width * factor))), channels

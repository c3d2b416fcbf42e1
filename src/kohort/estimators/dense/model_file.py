"""The file of a saved estimator: its JSON and its arrays, read without trusting its sizes."""

from __future__ import annotations

import io
import json
import math
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort._version import VERSION
from kohort.errors import DataError

DOCUMENT, ARRAYS = "estimator.json", "arrays.npz"
"""Names inside of the file."""

FORMAT = 3
"""Version of the form that files have."""

_READ = (2, FORMAT)
"""Versions that can be read."""

_LARGEST_DOCUMENT = 64 * 2**20  # Bytes.
_KINDS = "biufU"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def contents(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the content of a file.

    Nothing in it is compressed, so that nothing takes more memory than the file has bytes.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict, dict of arrays
        The document; numbers and texts by name, never objects.

    Raises
    ------
    Exception
        Of many kinds, if the file is damaged or is none of kohort's.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise DataError("it is no file")
    with zipfile.ZipFile(path) as archive:
        sizes = _sizes(archive)
        if sizes.keys() != {DOCUMENT, ARRAYS}:
            raise DataError(f"it does not hold {DOCUMENT} and {ARRAYS} alone")
        if sizes[DOCUMENT] > _LARGEST_DOCUMENT:
            raise DataError(f"its {DOCUMENT} has {sizes[DOCUMENT]} bytes")
        document = _document(archive.read(DOCUMENT))
        with zipfile.ZipFile(io.BytesIO(archive.read(ARRAYS))) as inner:
            _sizes(inner)
            names = inner.namelist()
            arrays = {name.removesuffix(".npy"): _array(inner.read(name), name) for name in names}
    return document, arrays


def _sizes(archive: zipfile.ZipFile) -> dict[str, int]:
    """Bytes of each entry, once it is clear that none is compressed, encrypted or there twice."""
    entries = archive.infolist()
    for entry in entries:
        stored = entry.compress_type == zipfile.ZIP_STORED and entry.flag_bits & 1 == 0
        if not stored or entry.file_size != entry.compress_size:
            raise DataError(f"its entry {entry.filename[:50]!r} is not stored as it is")
    sizes = {entry.filename: entry.file_size for entry in entries}
    if len(sizes) < len(entries):
        raise DataError("it holds two entries of one name")
    return sizes


def _document(text: bytes) -> dict[str, Any]:
    document = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    if not isinstance(document, dict):
        raise DataError(f"its {DOCUMENT} is no object")
    if document.get("format") not in _READ:
        writer = str(document.get("kohort", "another program"))[:50]
        raise DataError(
            f"it was written by kohort {writer}, in a format that kohort {VERSION} does not read"
        )
    return document


def _refuse_constant(name: str) -> None:
    raise DataError(f"its {DOCUMENT} holds {name}")


def _array(content: bytes, name: str) -> NDArray[Any]:
    """An array of NumPy's format, once its header agrees with the bytes that follow it."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise DataError(f"its array {name!r} is in an unknown format")
    shape, fortran, dtype = _HEADERS[version](file)
    rest = len(content) - file.tell()
    if dtype.kind not in _KINDS or dtype.itemsize * math.prod(shape) != rest:
        raise DataError(f"its array {name!r} is not the {dtype.str[:20]} of shape {shape} it names")
    flat = np.frombuffer(content, dtype, offset=file.tell()) if rest else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if fortran else "C").copy(order="C")

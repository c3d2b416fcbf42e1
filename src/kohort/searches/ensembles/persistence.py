"""An ensemble in one file: a zip of JSON, of its networks, and of pickles for other parts."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib

from kohort._version import VERSION
from kohort.arrays import Estimator, PathLike
from kohort.errors import DataError, shown
from kohort.estimators.dense.loading import load as load_network
from kohort.recipe.constraints import check, path_like
from kohort.scratch import replacing
from kohort.searches.ensembles.members import Member, fronts_of
from kohort.searches.ensembles.part import Part
from kohort.searches.problems.model_description import refuse_untrusted

_DOCUMENT = "ensemble.json"
_FORMAT = 1
_PICKLE = ".pickle"


def save_ensemble(
    path: PathLike, kind: str, parts: tuple[Part, ...], learned: Mapping[str, Any]
) -> None:
    """Write an ensemble to one file.

    Parameters
    ----------
    path : str or path
        Replaced if it exists.
    kind : str
        Name of the ensemble's class.
    parts : tuple of Part
    learned : mapping
        Further attributes, of plain values.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    check("path", path, path_like())
    fronts = fronts_of([member for part in parts for member in part.members])
    places = {id(front): place for place, front in enumerate(fronts)}
    entries = [_entry(part, number, places) for number, part in enumerate(parts)]
    document = {
        "format": _FORMAT, "kohort": VERSION, "class": kind, "learned": dict(learned),
        "fronts": [front is not None for front in fronts], "parts": entries,
    }  # fmt: skip
    try:
        with replacing(Path(path)) as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr(_DOCUMENT, json.dumps(document, indent=1, default=_plain))
            for place, front in enumerate(fronts):
                if front is not None:
                    archive.writestr(f"front_{place}{_PICKLE}", _pickled(front))
            for part, entry in zip(parts, entries, strict=True):
                for member, found in zip(part.members, entry["members"], strict=True):
                    archive.writestr(found["head"], _head(member.head))
    except OSError as error:
        raise DataError(
            f"The model cannot be written to {shown(str(path))}: {error.strerror or error}. "
            "Choose a path in a folder that exists and can be written."
        ) from error


def _entry(part: Part, number: int, places: Mapping[int, int]) -> dict[str, Any]:
    """The entry of a part in the document."""
    members = []
    for fold, member in enumerate(part.members):
        ending = ".kohort" if _has_file(member.head) else _PICKLE
        head = f"part_{number}_fold_{fold}{ending}"
        members.append({"front": places[id(member.front)], "head": head})
    known = {name: getattr(part, name) for name in Part.DESCRIBED}
    return {**known, "members": members}


def _has_file(head: Estimator) -> bool:
    return hasattr(head, "save") and hasattr(head, "recipe_")


def _head(head: Estimator) -> bytes:
    if not _has_file(head):
        return _pickled(head)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network")
        head.save(path)
        return path.read_bytes()


def _pickled(value: object) -> bytes:
    content = io.BytesIO()
    joblib.dump(value, content)
    return content.getvalue()


def _plain(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def is_ensemble(path: PathLike) -> bool:
    """Whether a file is one that `save_ensemble` wrote."""
    try:
        if not Path(path).is_file():
            return False
        with zipfile.ZipFile(path) as archive:
            return _DOCUMENT in archive.namelist()
    except Exception:  # A damaged file can fail anywhere; reading it will say how.
        return False


def read_ensemble(
    path: PathLike, trusted: bool = False
) -> tuple[str, tuple[Part, ...], dict[str, Any]]:
    """Read an ensemble.

    Parameters
    ----------
    path : str or path
    trusted : bool, default=False
        Whether you know who wrote it, where it holds pickles, which may run any program.

    Returns
    -------
    kind, parts, learned
        As `save_ensemble` was given them.

    Raises
    ------
    DataError
        If the file is damaged, or holds pickles and is not trusted.
    """
    with zipfile.ZipFile(path) as archive:
        if any(name.endswith(_PICKLE) for name in archive.namelist()):
            refuse_untrusted(str(path), trusted)
        try:
            document = json.loads(archive.read(_DOCUMENT))
            if document["format"] > _FORMAT:
                raise DataError(f"it was written by kohort {document['kohort']}")
            fronts = [
                joblib.load(io.BytesIO(archive.read(f"front_{place}{_PICKLE}"))) if there else None
                for place, there in enumerate(document["fronts"])
            ]
            parts = tuple(
                Part(
                    **{name: entry[name] for name in Part.DESCRIBED},
                    members=tuple(
                        Member(fronts[found["front"]], _read_head(archive, found["head"]))
                        for found in entry["members"]
                    ),
                )
                for entry in document["parts"]
            )
            return document["class"], parts, document["learned"]
        except Exception as error:  # A damaged file can fail anywhere; it is the file's fault.
            raise DataError(
                f"{shown(str(path))} is not a readable ensemble: {error}. "
                "Give the path of a file that an ensemble's save wrote."
            ) from error


def _read_head(archive: zipfile.ZipFile, name: str) -> Estimator:
    if name.endswith(_PICKLE):
        return joblib.load(io.BytesIO(archive.read(name)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network")
        path.write_bytes(archive.read(name))
        return load_network(path)

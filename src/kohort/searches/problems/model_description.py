"""`model.json`: the description of a model in its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kohort._version import VERSION
from kohort.arrays import HostArray
from kohort.errors import DataError, explain, shown

_FORMAT = 1
_NAME = "model.json"


def write_description(
    folder: Path, task: str, target: str, classes: HostArray | None = None, **more: object
) -> None:
    """Write it into an existing folder, with the version of kohort.

    Parameters
    ----------
    folder : path
    task, target : str
    classes : array or None, default=None
        None for a regression.
    **more : object
        Plain values that the kind of model needs.
    """
    content = {
        "format": _FORMAT, "kohort": VERSION, "task": task, "target": target, **more,
        "classes": None if classes is None else classes.tolist(),
    }  # fmt: skip
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / _NAME).write_text(text, encoding="utf-8")


def refuse_untrusted(folder: str | Path, trusted: bool) -> None:
    """Raise `DataError` unless the user trusts a folder, which holds a pickle."""
    if trusted is not True:
        raise DataError(
            f"The model in {shown(str(folder))} is kept as a pickle, which may run any program "
            "when it is loaded, so kohort loads it only on your word: add --trusted (in Python: "
            "trusted=True) if you, or somebody whom you trust, wrote this folder."
        )


def load_pickle(folder: str | Path, name: str, trusted: bool) -> Any:
    """The content of a pickle in a folder.

    Parameters
    ----------
    folder : str or path
    name : str
        Of the file.
    trusted : bool
        Whether it is known who wrote it.

    Raises
    ------
    DataError
        If the folder is not trusted, or the file is damaged.
    """
    refuse_untrusted(folder, trusted)
    import joblib

    try:
        return joblib.load(Path(folder, name))
    except Exception as error:  # A damaged pickle can fail anywhere; it is the file's fault.
        remedy = (
            f"Its {name} is damaged, or was written with other versions of packages "
            f"({type(error).__name__}: {' '.join(str(error).split())[:200]})."
        )
        requirement = "a folder with a readable model"
        raise DataError(explain("MODEL", requirement, str(folder), remedy)) from error


def read_description(
    folder: str | Path, keys: Sequence[str], files: Sequence[str] = ()
) -> dict[str, Any]:
    """Read it.

    Parameters
    ----------
    folder : str or path
    keys : sequence of str
        Keys that it must have.
    files : sequence of str
        Names of files that must be beside it.

    Raises
    ------
    DataError
        If the folder does not hold a model that this version can read.
    """
    folder = Path(folder)
    absent = [name for name in (_NAME, *files) if not (folder / name).is_file()]
    if absent:
        raise DataError(
            explain(
                "MODEL",
                "a folder that `kohort search` or `kohort fit` wrote",
                str(folder),
                f"It has no {absent[0]}.",
            )
        )
    try:
        description = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        known = description["format"] <= _FORMAT
        content = {key: description[key] for key in keys}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            explain("MODEL", "a folder with a readable model", str(folder), f"{error!r}.")
        ) from error
    if not known:
        raise DataError(
            f"`MODEL` must be of format {_FORMAT} or older; got {description['format']}, "
            f"written by kohort {description['kohort']}. Install that version or a newer one."
        )
    return content

"""`model.json`: what the folder of a model says about itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kohort._version import VERSION
from kohort.errors import DataError, explain

_FORMAT = 1
_NAME = "model.json"


def write_description(folder: Path, content: dict[str, Any]) -> None:
    """Write it into an existing folder, with the version of kohort."""
    text = json.dumps(
        {"format": _FORMAT, "kohort": VERSION, **content}, indent=2, ensure_ascii=False
    )
    (folder / _NAME).write_text(text, encoding="utf-8")


def read_description(
    folder: str | Path, keys: Sequence[str], files: Sequence[str] = ()
) -> dict[str, Any]:
    """Read it.

    Parameters
    ----------
    folder : str or path
    keys : sequence of str
        What it must say.
    files : sequence of str
        What must be beside it.

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

"""Files of search spaces, before it is known which parameters a network has."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from kohort.errors import DataError, ParameterError, explain

METHODS = ("random", "grid", "adaptive")


def check_method(method: str) -> None:
    """Raise `ParameterError` unless the method is known."""
    if method not in METHODS:
        raise ParameterError(explain("method", f"one of {', '.join(map(repr, METHODS))}", method))


def space_entries(path: str | Path) -> dict[str, Any]:
    """The values of each parameter in a file; see `kohort.searches.spaces.read_space`.

    Raises
    ------
    DataError
        If the file cannot be read, is not TOML or says nothing.
    """
    path = Path(path)
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(explain("space", "a readable file", str(path), f"{error}.")) from error
    except ValueError as error:
        raise DataError(explain("space", "a file in TOML", str(path), f"{error}.")) from error
    if not entries:
        raise DataError(
            explain("space", "a file with parameters", str(path), "Add: width = [32, 64]")
        )
    return entries

"""Files of search spaces and settings, before it is known which parameters a network has."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
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


def setting_values(settings: Sequence[str]) -> dict[str, Any]:
    """Values of `NAME=VALUE` settings; see `kohort.searches.spaces.read_settings`.

    Raises
    ------
    ParameterError
        If a setting has no `=` or no value.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if not equals or not text:
            raise ParameterError(
                explain("set", "of the form NAME=VALUE", setting, "Write --set width=64.")
            )
        values[name] = _value(text)
    return values


def _value(text: str) -> Any:
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text

"""What a table's columns hold, and sentences on how a table and its target are taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kohort.data.numerals import numerals
from kohort.data.tasks import CLASSIFICATION

_SHOWN = 6
_PLURALS = {"number": "numbers", "text": "texts", "date": "dates", "empty": "empty"}


def kind_of(column: pd.Series[Any]) -> str:
    """`"number"`, `"date"`, `"empty"` without a single value, or `"text"` for anything else."""
    if column.isna().all():
        return "empty"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return "number" if numeric else "text"


def as_trained(X: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Columns as those that a model was trained on: numbers that are written as text read as
    numbers where it knows numbers, dates as text where it knows text, nothing where it knew
    nothing.
    """
    changed: dict[str, Any] = {}
    for name, kind in kinds.items():
        column = X[name]
        if kind == "empty":
            changed[name] = pd.Series(np.nan, X.index, np.float64)
        elif kind == "text" and kind_of(column) == "date":
            changed[name] = column.astype("str")
        elif kind == "number" and kind_of(column) == "text":
            found = numerals(column)
            if found is not None and not found.failing:
                changed[name] = found.values
    return X.assign(**changed)


def column_line(X: pd.DataFrame) -> str:
    """Which column is taken for what, in one line.

    Examples
    --------
    >>> column_line(pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1]}))
    'Columns: 2 numbers (a, c); 1 texts (b)'
    """
    kinds: dict[str, list[str]] = {}
    for name in X.columns:
        kinds.setdefault(kind_of(X[name]), []).append(str(name))
    parts = [f"{len(names)} {_PLURALS[kind]} ({_listed(names)})" for kind, names in kinds.items()]
    return f"Columns: {'; '.join(parts)}"


def task_line(y: pd.Series[Any], asked: str, task: str) -> str:
    """Which task it is and why, in one line, and how to ask for the other one."""
    number = pd.api.types.is_numeric_dtype(y) and not pd.api.types.is_bool_dtype(y)
    if task != CLASSIFICATION:
        about = f"numbers from {y.min():g} to {y.max():g}"
        other = "" if asked != "auto" else "; --task classification takes them for classes"
        return f"Task: regression of {y.name!r}, {about}{other}"
    classes = sorted(map(str, y.unique())) if not number else [f"{v:g}" for v in np.unique(y)]
    other = ""
    if number and asked == "auto":
        other = "; whole numbers this few are taken for classes, --task regression for amounts"
    return f"Task: classification of {y.name!r}, {len(classes)} classes ({_listed(classes)}){other}"


def copies_of(target: pd.Series[Any], X: pd.DataFrame) -> list[str]:
    """A sentence on the columns that hold the same values as the target, if there are any."""
    same = [str(name) for name in X.columns if _equal(X[name], target)]
    if not same:
        return []
    return [
        f"Warning: {_listed(list(map(repr, same)))} hold the same values as the target "
        f"{target.name!r}, and give the answer away. Remove them unless they are known beforehand."
    ]


def _equal(one: pd.Series[Any], other: pd.Series[Any]) -> bool:
    kinds = [pd.api.types.is_numeric_dtype(column) for column in (one, other)]
    if all(kinds):
        return bool((one == other).all())
    return not any(kinds) and bool((one.astype(str) == other.astype(str)).all())


def _listed(names: list[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

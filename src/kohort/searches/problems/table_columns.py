"""Kinds of a table's columns, and sentences on how a table and its target are read."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.data.csv_files import UNNAMED
from kohort.data.dates import dates_as, written_dates
from kohort.data.features import DATE, DATE_AS, NUMBER_IN, TRUTH
from kohort.data.numerals import numerals
from kohort.data.tasks import CLASSIFICATION
from kohort.data.truth_values import truths
from kohort.deferred import pd
from kohort.errors import DataError

_SHOWN = 6
_PLURALS = {"number": "numbers", "text": "texts", DATE: "dates", "empty": "empty"} | {
    TRUTH: "truth values"
}


def kind_of(column: pd.Series[Any]) -> str:
    """`"number"`, `"date"`, `TRUTH`, `"empty"` without a value, or `"text"` for anything else."""
    if column.isna().all():
        return "empty"
    if pd.api.types.is_datetime64_any_dtype(column) or written_dates(column) is not None:
        return DATE
    if column.dtype.kind == "b":
        return TRUTH
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return "number" if numeric else "text"


def as_trained(X: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Columns as those that a model was trained on: numbers that are written as text read as
    numbers where it knows numbers, truth values as 1 and 0 where it knows those, written dates as
    dates where it knows dates, day and month in the order that it knows, dates as text where it
    knows text, nothing where it knew nothing.

    Raises
    ------
    DataError
        If a column is in another unit than in training, or holds other values.
    """
    changed: dict[str, Any] = {}
    for name, kind in kinds.items():
        column = X[name]
        if kind == "empty":
            changed[name] = pd.Series(np.nan, X.index, np.float64)
        elif kind == "text" and pd.api.types.is_datetime64_any_dtype(column):
            changed[name] = column.astype("str")
        elif kind.startswith(DATE):
            changed[name] = _dates(column, kind)
        elif kind == TRUTH and kind_of(column) in ("text", DATE):
            changed[name] = _truths(column)
        elif kind.startswith("number") and kind_of(column) in ("text", DATE):
            changed[name] = _numbers(column, kind)
    return X.assign(**changed)


def _dates(column: pd.Series[Any], kind: str) -> pd.Series[Any]:
    if column.isna().all() or pd.api.types.is_datetime64_any_dtype(column):
        return column
    return dates_as(column, kind.removeprefix(DATE_AS) if kind != DATE else None)


def _truths(column: pd.Series[Any]) -> pd.Series[float]:
    found = truths(column)
    if found is None:
        value = next(v for v in column.dropna() if truths(pd.Series([v])) is None)
        raise DataError(
            f"Column {column.name!r} must hold truth values such as 'yes' and 'no', as in "
            f"training; got {value!r}. Correct these values, or leave them empty."
        )
    return found


def _numbers(column: pd.Series[Any], kind: str) -> pd.Series[float]:
    found = numerals(column)
    if found is None or found.failing:
        value = found.failing[0][1] if found else column.dropna().iloc[0]
        raise DataError(
            f"Column {column.name!r} must hold numbers, as in training; got {value!r}. "
            "Correct these values, or leave them empty."
        )
    unit = kind.removeprefix(NUMBER_IN)
    others = [other for other in found.units if other != unit] if unit != kind else found.units[1:]
    if others:
        wanted = unit if unit != kind else "one unit"
        raise DataError(
            f"Column {column.name!r} must be in {wanted}, as in training; got {others[0]}. Convert "
            "its values."
        )
    return found.values


def column_line(X: pd.DataFrame) -> str:
    """The kind of each column, in one line.

    Examples
    --------
    >>> days = ["31/01/2024", "28/02/2024"]
    >>> column_line(pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1], "d": days}))
    'Columns: 2 numbers (a, c); 1 texts (b); 1 dates (d)'
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


def row_numbers(X: pd.DataFrame) -> list[str]:
    """A sentence on a first column without a name that numbers the rows, as pandas writes one."""
    name, first = str(X.columns[0]), X.iloc[:, 0]
    if not name.startswith(UNNAMED) or len(X) < 2 or kind_of(first) != "number":
        return []
    if not (first - first.iloc[0] == np.arange(len(X))).all():
        return []
    return [
        f"Warning: the first column ({name!r}) has no name and numbers the rows. Remove it unless "
        "the order of the rows is known beforehand."
    ]


def _equal(one: pd.Series[Any], other: pd.Series[Any]) -> bool:
    kinds = [pd.api.types.is_numeric_dtype(column) for column in (one, other)]
    if all(kinds):
        return bool((one == other).all())
    return not any(kinds) and bool((one.astype(str) == other.astype(str)).all())


def _listed(names: list[str]) -> str:
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

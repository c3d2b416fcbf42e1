"""Features of a table: text that is numbers, truth values or dates, read as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kohort.data.dates import WrittenDates, written_dates
from kohort.data.numerals import Numerals, numerals
from kohort.data.truth_values import truths
from kohort.deferred import pd

TRUTH = "truth value"
DATE = "date"
NUMBER_IN = "number in "
"""The prefix of the kind of numbers that were written with a unit."""

DATE_AS = f"{DATE} as "
"""The prefix of the kind of dates that were written as text, before their format."""


@dataclass(frozen=True)
class Features:
    """Columns to learn from, read as far as text can be.

    Attributes
    ----------
    X : DataFrame, shape (row, column)
    kinds : dict from str to str
        `TRUTH`, `NUMBER_IN` and a unit, or `DATE_AS` and a format, of columns of text that were
        read as such.
    notes : list of str
        Sentences on what was assumed.
    """

    X: pd.DataFrame
    kinds: dict[str, str]
    notes: list[str]


def read_features(X: pd.DataFrame) -> Features:
    """Read columns of text that are numbers or dates as these, and truth values as 1 and 0.

    Nine tenths of a column have to be numbers; what is none is missing then. Numbers in several
    units stay text, and so do dates in several formats.
    """
    read: dict[str, pd.Series[Any]] = {}
    kinds: dict[str, str] = {}
    notes: list[str] = []
    for name in X.columns:
        if (found := numerals(X[name])) is not None:
            if len(found.failing) > 0.1 * X[name].notna().sum():
                continue
            if len(found.units) > 1:
                notes.append(_units_note(name, found))
                continue
            read[name] = found.values
            if found.units:
                kinds[name] = f"{NUMBER_IN}{found.units[0]}"
            notes += _number_notes(name, found)
        elif X[name].dtype != bool and (truth := truths(X[name])) is not None:
            read[name], kinds[name] = truth, TRUTH
        elif (dates := written_dates(X[name])) is not None:
            read[name], kinds[name] = dates.values, f"{DATE_AS}{dates.format}"
            notes += _date_notes(X[name], dates)
    if truth_names := [repr(name) for name, kind in kinds.items() if kind == TRUTH]:
        notes.append(f"Read as 1 and 0 (such as yes and no): {', '.join(truth_names)}.")
    return Features(X.assign(**read), kinds, notes)


def _units_note(name: str, found: Numerals) -> str:
    return (
        f"Column {name!r} stays text: its numbers are in several units ({found.named_units}). "
        "Convert them to one."
    )


def _number_notes(name: str, found: Numerals) -> list[str]:
    """Sentences on other readings of a column of numbers."""
    notes = []
    if found.failing:
        row, text = found.failing[0]
        notes.append(
            f"Column {name!r} is read as numbers; {len(found.failing)} values that are none "
            f"(row {row + 1}: {text!r}) count as missing."
        )
    return notes + found.points(f"Column {name!r}")


def _date_notes(column: pd.Series[Any], dates: WrittenDates) -> list[str]:
    """A sentence if day and month of all dates may be exchanged."""
    if dates.other is None:
        return []
    first = column.dropna().iloc[0]
    return [
        f"Column {column.name!r} is read with the month first ({first!r} as "
        f"{dates.values.dropna().iloc[0]:%Y-%m-%d}); if the day comes first, write its dates with "
        "the year first."
    ]

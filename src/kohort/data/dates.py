"""Dates that are written as text, and the order of day and month in them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from pandas.tseries.api import guess_datetime_format

from kohort.deferred import pd
from kohort.errors import DataError

_GUESSED = 30
"""Texts of a column of which formats are guessed."""

_DAY_FIRST, _MONTH_FIRST = "day first", "month first"


@dataclass(frozen=True)
class WrittenDates:
    """The content of a column of dates that are written in one format.

    Attributes
    ----------
    values : Series of datetime64, shape (row,)
        NaT where nothing is written; in UTC where the texts name their offset from UTC.
    format : str
        The format of the texts, in the notation of `strptime`.
    other : str or None, default=None
        A format with day and month exchanged that reads other dates in the same texts.
    """

    values: pd.Series[Any]
    format: str
    other: str | None = None


def written_dates(column: pd.Series[Any]) -> WrittenDates | None:
    """Read a column of text as dates in one format; None if any text is something else.

    The month comes first where the texts allow either order, as in skrub.

    Examples
    --------
    >>> import pandas as pd
    >>> found = written_dates(pd.Series(["05/03/2024", None, "25/03/2024"]))
    >>> found.format, found.other, found.values.dt.month.tolist()
    ('%d/%m/%Y', None, [3.0, nan, 3.0])
    >>> found = written_dates(pd.Series(["05/03/2024"]))
    >>> found.format, found.other
    ('%m/%d/%Y', '%d/%m/%Y')
    >>> written_dates(pd.Series(["2024-03-05", "soon"])) is None
    True
    """
    readings = _readings(column)
    if not readings:
        return None
    first, *others = readings
    return WrittenDates(first.values, first.format, others[0].format if others else None)


def dates_as(column: pd.Series[Any], known: str | None) -> pd.Series[Any]:
    """Read a column of text as dates, with day and month in the order of a known format.

    Dates in another format are read if that format has the same order, or leaves none open: the
    year before the month, the month by its name.

    Parameters
    ----------
    column : Series, shape (row,)
    known : str or None
        The format of the column's texts in training; None if the column held no text there.

    Returns
    -------
    Series of datetime64, shape (row,)

    Raises
    ------
    DataError
        If a row holds no date, one in another order, or one whose order is open.

    Examples
    --------
    >>> import pandas as pd
    >>> dates_as(pd.Series(["05/03/2024"]), "%d/%m/%Y").dt.month.tolist()
    [3]
    >>> dates_as(pd.Series(["05.03.2024"]), "%m/%d/%Y").dt.month.tolist()
    [5]
    """
    if known is not None and _is_text(column) and _is_whole(column, read := _read(column, known)):
        return read
    readings, order = _readings(column), None if known is None else _order(known)
    if order is not None:
        readings = [each for each in readings if _order(each.format) in (None, order)]
    if not readings:
        raise _refusal(column, known)
    if len(readings) > 1:
        open_ones = column.notna() & (readings[0].values != readings[1].values)
        raise DataError(
            f"Column {column.name!r} must hold dates whose day and month can be told apart, since "
            f"training gave them no order; got {_shown(column, open_ones)}. Write its dates with "
            f"the year first, such as {readings[0].values[open_ones].iloc[0]:%Y-%m-%d}."
        )
    return readings[0].values


def _is_text(column: pd.Series[Any]) -> bool:
    return pd.api.types.infer_dtype(column, skipna=True) == "string"


def _readings(column: pd.Series[Any]) -> list[WrittenDates]:
    """The different ways to read all texts of a column as dates in one format.

    Formats that leave no order of day and month open exclude others; then the month comes first.
    """
    if not _is_text(column):
        return []
    found = [WrittenDates(_read(column, form), form) for form in _guesses(column)]
    whole = [each for each in found if _is_whole(column, each.values)]
    whole = [each for each in whole if _order(each.format) is None] or whole
    return [
        each
        for place, each in enumerate(whole)
        if not any(each.values.equals(earlier.values) for earlier in whole[:place])
    ]


def _guesses(column: pd.Series[Any]) -> list[str]:
    """Formats of a column's first texts, those with the month first before others."""
    texts = [text for text in column if isinstance(text, str)][:_GUESSED]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # That a first month is a day.
        found = [
            guess_datetime_format(text, dayfirst=days) for days in (False, True) for text in texts
        ]
    return list(dict.fromkeys(form for form in found if form))


def _order(form: str) -> str | None:
    """Which comes first, day or month; None where a format leaves no doubt: the year stands before
    the month and the month before the day, or the month is a name.
    """
    year, month, day = (form.find(mark) for mark in ("%Y", "%m", "%d"))
    if month < 0 or day < 0 or 0 <= year < month < day:
        return None
    return _DAY_FIRST if day < month else _MONTH_FIRST


def _read(column: pd.Series[Any], form: str) -> pd.Series[Any]:
    """The dates of the texts in a format; NaT where a text is written otherwise."""
    return pd.to_datetime(column, format=form, errors="coerce", utc="%z" in form)


def _is_whole(column: pd.Series[Any], read: pd.Series[Any]) -> bool:
    return bool(read.notna().equals(column.notna()))


def _refusal(column: pd.Series[Any], known: str | None) -> DataError:
    """The error of a column that holds something else than dates as they were in training."""
    failing = column.notna()
    if _is_text(column):
        read = [_read(column, form) for form in ([known] if known else _guesses(column))]
        failing &= max(read, key=pd.Series.count, default=pd.Series(pd.NaT, column.index)).isna()
    requirement = "dates in one format"
    remedy = "Correct its values, or leave them empty."
    if known is not None:
        sample = pd.Timestamp(2024, 12, 25)
        requirement = f"dates written as {known!r} ({sample.strftime(known)})"
        remedy = f"Write its dates so, or as {sample.date()}, or leave them empty."
    return DataError(
        f"Column {column.name!r} must hold {requirement}, as in training; got "
        f"{_shown(column, failing)}. {remedy}"
    )


def _shown(column: pd.Series[Any], failing: pd.Series[bool]) -> str:
    """The first value that fails, and its row, counted from 1."""
    row = int(np.flatnonzero(failing)[0])
    return f"{column.tolist()[row]!r} in row {row + 1}"

"""Dates that are written as text."""

from __future__ import annotations

import warnings
from typing import Any

from pandas.tseries.api import guess_datetime_format

from kohort.deferred import pd


def written_dates(column: pd.Series[Any]) -> bool:
    """Whether a column holds text alone, all of it dates in one format; missing values aside.

    The month comes first where either order is possible, as in skrub.

    Examples
    --------
    >>> import pandas as pd
    >>> written_dates(pd.Series(["05/03/2024", None, "25/03/2024"]))
    True
    >>> written_dates(pd.Series(["2024-03-05", "soon"])), written_dates(pd.Series([20240305]))
    (False, False)
    """
    return bool(_readings(column))


def clear_dates(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of written dates as dates; as it is where the month or the day may come first.

    Examples
    --------
    >>> import pandas as pd
    >>> clear_dates(pd.Series(["05/03/2024", None, "25/03/2024"])).dt.month.tolist()
    [3.0, nan, 3.0]
    >>> clear_dates(pd.Series(["05/03/2024"])).tolist()
    ['05/03/2024']
    """
    readings = _readings(column)
    return readings[0] if len(readings) == 1 else column


def _readings(column: pd.Series[Any]) -> list[pd.Series[Any]]:
    """The different ways to read all texts of a column as dates in one format."""
    if pd.api.types.infer_dtype(column, skipna=True) != "string":
        return []
    first = next(text for text in column if isinstance(text, str))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # That a first month is a day.
        forms = {guess_datetime_format(first, dayfirst=days) for days in (False, True)}
        read = [pd.to_datetime(column, format=form, errors="coerce") for form in forms - {None}]
    whole = [dates for dates in read if dates.notna().equals(column.notna())]
    if len(whole) == 2 and whole[0].equals(whole[1]):
        whole.pop()
    return whole

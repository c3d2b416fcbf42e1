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
    if pd.api.types.infer_dtype(column, skipna=True) != "string":
        return False
    texts = pd.Series(column.dropna().unique())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # That a first month is a day.
        forms = [guess_datetime_format(texts.iloc[0], dayfirst=first) for first in (False, True)]
    return any(
        form and pd.to_datetime(texts, format=form, errors="coerce").notna().all() for form in forms
    )

"""Truth values that are written as text, in English and Korean."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.deferred import pd

_PAIRS = (
    ({"yes", "y", "true", "t"}, {"no", "n", "false", "f"}),
    ({"on"}, {"off"}),
    ({"예", "네", "참"}, {"아니오", "아니요", "거짓"}),
)


def truths(column: pd.Series[Any]) -> pd.Series[float] | None:
    """Read a column of text as truth values; None if any of it is something else.

    Returns
    -------
    Series of float64, shape (row,), or None
        1, 0, and NaN where nothing is written.

    Examples
    --------
    >>> truths(pd.Series(["Yes", "no ", None])).tolist()
    [1.0, 0.0, nan]
    >>> truths(pd.Series(["yes", "maybe"])) is None
    True
    """
    known = column.dropna()
    if known.empty or not known.map(lambda value: isinstance(value, str | bool)).all():
        return None
    words = known.map(lambda value: str(value).strip().casefold())
    for true, false in _PAIRS:
        if words.isin(true | false).all():
            read = dict(zip(known, words.isin(true), strict=True))
            return column.astype(object).map(read, na_action="ignore").astype(np.float64)
    return None


def one_spelling(column: pd.Series[Any]) -> pd.Series[Any]:
    """Truth values as the most frequent spelling of each; any other column as it is.

    Examples
    --------
    >>> one_spelling(pd.Series(["Yes", "yes", "Yes", "no"])).tolist()
    ['Yes', 'Yes', 'Yes', 'no']
    """
    found = None if pd.api.types.is_bool_dtype(column) else truths(column)
    if found is None:
        return column
    usual = column.groupby(found).agg(lambda spelled: spelled.mode().iloc[0])
    return found.map(usual).rename(str(column.name))

"""Columns of a DataFrame in plain types: dense, objects by what they are, durations as numbers."""

from __future__ import annotations

from typing import Any

from kohort.deferred import pd


def plain_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The same table; where a column's type is no plain one, the column changes its type.

    Objects that are all numbers, dates or truth values get the type of these, sparse columns are
    made dense, and durations are seconds.

    Examples
    --------
    >>> days = pd.to_timedelta([1, 2], "D")
    >>> mixed = pd.DataFrame({"a": pd.Series([1, None], dtype=object), "b": days})
    >>> {name: str(kind) for name, kind in plain_columns(mixed).dtypes.items()}
    {'a': 'float64', 'b': 'float64'}
    """
    table = table.infer_objects()
    changed: dict[str, Any] = {}
    for name, kind in table.dtypes.items():
        if isinstance(kind, pd.SparseDtype):
            changed[str(name)] = table[name].astype(kind.subtype)
        elif getattr(kind, "kind", "") == "m":
            changed[str(name)] = table[name].dt.total_seconds()
        elif pd.api.types.is_object_dtype(kind) and _holds_dates(table[name]):
            changed[str(name)] = pd.to_datetime(table[name])
    return table.assign(**changed)


def _holds_dates(column: pd.Series[Any]) -> bool:
    """Whether a column of objects holds `datetime.date` alone, missing values aside."""
    return pd.api.types.infer_dtype(column, skipna=True) == "date"

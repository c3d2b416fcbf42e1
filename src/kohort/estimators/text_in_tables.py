"""Words for tables and targets that hold text or dates where numbers must be."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import numpy as np
from sklearn.utils.validation import check_array

from kohort.arrays import Estimator, Floats, HostArray, TableLike, TargetsLike
from kohort.errors import DataError
from kohort.estimators.refused_targets import refuse_axes, refuse_times

_WORDS = (str, datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def refuse_text(X: TableLike, error: Exception) -> None:
    """Name column and value of a table that scikit-learn has refused, if it holds text or dates.

    Raises
    ------
    DataError
        From scikit-learn's own error, if X has text or dates.
    """
    for name, column in _columns(X):
        if (value := _first_word(column)) is not None:
            raise DataError(
                f"Column {name!r} of X must hold numbers; got {value!r}. Encode the column, "
                "for example with scikit-learn's OneHotEncoder, or use a kohort.Tabular "
                "estimator, which takes text and dates."
            ) from error


def real_targets(estimator: Estimator, y: TargetsLike) -> Floats:
    """Targets of a regressor as numbers, shape (row,) or (row, target).

    Raises
    ------
    DataError
        If y holds text or dates, or has more than two axes.
    ValueError
        If y cannot be used for another reason.
    """
    refuse_times(y, "numbers")
    refuse_axes(y)
    options = {"dtype": np.float64, "input_name": "y", "estimator": estimator}
    try:
        return np.asarray(check_array(y, ensure_2d=False, **options))
    except (ValueError, TypeError) as error:
        value = _first_word(np.asarray(y, object).ravel())
        if value is None:
            raise
        raise DataError(
            f"y must hold numbers for a regressor; got {value!r}. Use a classifier for labels, or "
            "convert the target."
        ) from error


def _columns(X: TableLike) -> Iterator[tuple[object, HostArray]]:
    """Names, or positions, and values of the columns of a DataFrame or an array."""
    if hasattr(X, "columns") and hasattr(X, "iloc"):
        for position, name in enumerate(X.columns):
            yield name, np.asarray(X.iloc[:, position], object)
        return
    values = np.asarray(X) if isinstance(X, np.ndarray | list | tuple) else np.empty(0)
    if values.ndim == 2 and values.dtype.kind in "OUSmM":
        yield from enumerate(values.T.astype(object))


def _first_word(column: HostArray) -> object:
    """The first value of a column that is a date, or text that is no number; None without one."""
    return next((value for value in column if _is_word(value)), None)


def _is_word(value: object) -> bool:
    if not isinstance(value, str):
        return isinstance(value, _WORDS)
    try:
        float(value)
    except ValueError:
        return True
    return False

"""Targets that no estimator takes: dates, durations, and arrays of more than two axes."""

from __future__ import annotations

import datetime

import numpy as np

from kohort.arrays import TargetsLike
from kohort.errors import DataError

_TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def refuse_times(y: TargetsLike, wanted: str) -> None:
    """Raise `DataError` if targets are dates or durations."""
    values = np.asarray(y)
    first = next(iter(values.flat), None) if values.dtype == object else None
    if values.dtype.kind in "mM" or isinstance(first, _TIMES):
        raise DataError(
            f"y must hold {wanted}; got dates or durations. Turn them into numbers for a regressor "
            "(such as seconds since some day), or into classes for a classifier (such as the "
            "month)."
        )


def refuse_axes(y: TargetsLike) -> None:
    """Raise `DataError` if targets have more than two axes, which scikit-learn's scorers refuse."""
    shape = np.asarray(y).shape
    if len(shape) > 2:
        raise DataError(
            f"y must have the shape (row,) or (row, target), as in scikit-learn; got {shape}. Give "
            "the targets of a row as columns, y.reshape(len(y), -1): a KerasRegressor trains an "
            "output of more axes on them, and predicts such columns."
        )

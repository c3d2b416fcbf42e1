"""Labels of classes that can be put in an order."""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import issparse

from kohort.arrays import HostArray, TargetsLike
from kohort.errors import DataError


def refuse_without_order(y: TargetsLike) -> None:
    """Raise `DataError` if labels that are objects are missing, or of kinds without an order.

    Lists, dicts and other objects that are no labels at all are left to scikit-learn's words.
    """
    values = None if y is None or issparse(y) else np.asarray(y)
    if values is not None and values.dtype == object:
        _refuse_missing(values)
        _refuse_several_kinds(values)


def _refuse_missing(values: HostArray) -> None:
    missing = [row for row, value in enumerate(values) if _is_missing(value)]
    if missing:
        raise DataError(
            f"y must hold a label in every row; got {len(missing)} missing of {len(values)} (the "
            f"first in row {missing[0] + 1}). Remove these rows, or give them a label of their own."
        )


def _is_missing(value: object) -> bool:
    """Whether a value is None, NaN, or pandas's NA or NaT."""
    nan = isinstance(value, float) and math.isnan(value)
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")


def _refuse_several_kinds(values: HostArray) -> None:
    by_kind = {type(value): value for value in values.flat}
    try:
        sorted(by_kind.values())
    except TypeError:
        if len(by_kind) > 1:
            (first, one), (second, other) = list(by_kind.items())[:2]
            raise DataError(
                "y must hold labels of one kind, such as all text or all numbers; got "
                f"{one!r} ({first.__name__}) and {other!r} ({second.__name__}). Make them text, "
                "with [str(label) for label in y], for example."
            ) from None

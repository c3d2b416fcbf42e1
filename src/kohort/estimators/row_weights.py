"""Weights of rows: checked, in a unit of their own, and as the floats that a network trains on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight

from kohort.arrays import TableLike, WeightsLike
from kohort.engine.member import Floats
from kohort.errors import DataError

WEIGHT_OF_VALIDATION = "sample_weight of validation_data"
WEIGHT_SET_ASIDE = "sample_weight of the rows set aside for validation"


def checked_weights(sample_weight: WeightsLike, X: TableLike) -> Floats:
    """Weights as they were given, float64, shape (row,).

    Raises
    ------
    DataError
        If a weight is beyond float64.
    ValueError
        If they are no weights of the rows: negative, not finite, or of another number.
    """
    try:
        weight: Floats = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
    except OverflowError as error:
        raise DataError(
            f"sample_weight must hold numbers of at most {np.finfo(np.float64).max:.2g}; got a "
            "larger one. Divide all weights by the largest."
        ) from error
    return weight


def in_unit(weight: Floats, seen: Floats | None = None) -> Floats:
    """Weights in another unit, so that the largest, or the largest seen, is in [0.5, 1).

    The unit is a power of two: the digits of weights, and of sums and ratios of them, stay.

    Examples
    --------
    >>> in_unit(np.array([3.0, 1.0]) * 2.0**900, np.array([2.0**900])).tolist()
    [1.5, 0.5]
    """
    largest = (weight if seen is None else seen).max(initial=0)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(weight, -np.frexp(largest)[1]))


def relative(weight: Floats | None, train: NDArray[np.intp] | None) -> Floats | None:
    """Weights scaled to a mean of 1 over the training rows, so that their unit does not matter.

    Raises
    ------
    DataError
        If no training row has a weight.
    """
    if weight is None:
        return None
    seen = weight if train is None else weight[train]
    if not seen.any():
        raise DataError(
            "sample_weight is zero for every row that is trained on. Give some row a positive "
            "weight, or pass validation_data so that no row is set aside."
        )
    scaled = in_unit(weight, seen)
    total = float((scaled if train is None else scaled[train]).sum())
    return scaled * (len(seen) / total)


def as_floats(weight: Floats | None, dtype: np.dtype[Any], name: str) -> Floats | None:
    """Weights in the type of the rows, which keeps their unit.

    Raises
    ------
    DataError
        If their sum overflows, or the largest of them is as good as 0 in this type.
    """
    if weight is None:
        return None
    kind, largest = np.finfo(dtype), float(weight.max(initial=0))
    least, most = float(kind.tiny), float(kind.max)
    with np.errstate(over="ignore", under="ignore"):
        total = float(weight.sum())
        floats = weight.astype(dtype)
    if total > most or 0 < largest < least:
        raise DataError(
            f"{name} must have a largest weight of at least {least:.2g} and a sum of at most "
            f"{most:.2g}, which {dtype.name} holds; got a largest weight of {largest:.3g} and "
            f"a sum of {total:.3g}. Divide the weights by their mean."
        )
    return floats

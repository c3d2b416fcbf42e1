"""Rows to train on and rows to validate on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from kohort.errors import DataError

_LEAST = 0.1
"""Share of a row that still sets one aside: a tenth of a few rows does."""


def split(
    count: int, fraction: float, seed: int, labels: NDArray[Any] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row numbers to train on and to validate on.

    Stratified by `labels` where every class has at least two rows and both parts have room for
    every class.

    Raises
    ------
    DataError
        If no row would be left to train on, or less than a tenth of one to validate on.
    """
    if fraction * count < _LEAST:
        raise DataError(
            f"validation_fraction must set aside a row at least; {fraction} of n_samples={count} "
            f"is {fraction * count:.1g} rows. Use {1 / count:.1g} or more, or None for no "
            "validation."
        )
    validating = int(np.ceil(fraction * count))
    if count - validating < 1:
        raise DataError(
            f"n_samples={count} leaves no row to train on after validation_fraction={fraction} "
            "is set aside. Give more rows, pass validation_data, or set early_stopping=False."
        )
    if labels is not None:
        counts = np.bincount(labels)
        if counts.min() < 2 or min(validating, count - validating) < len(counts):
            labels = None
    train, test = train_test_split(
        np.arange(count), test_size=validating, random_state=seed, stratify=labels
    )
    return np.sort(train), np.sort(test)

"""Targets and class weights of a classifier, checked, and as numbers."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any, cast

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from kohort.arrays import Floats, HostArray, Integers, Sparse, Table
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.refused_targets import refuse_times
from kohort.recipe.constraints import Interval, check

ClassWeight = Mapping[Hashable, float] | str | None

_WEIGHT = Interval(0, math.inf)
_FEW_ROWS = 20
"""Rows up to which each may have a class of its own, as in scikit-learn's own warning."""


def checked_classes(y: Table | Sparse, learn: bool) -> HostArray:
    """Targets of a classification.

    Parameters
    ----------
    y : array-like, shape (row,) or (row, 1) of labels, or (row, label) of 0 and 1, sparse or not
    learn : bool
        Whether classes are to be learnt of these rows.

    Returns
    -------
    array, shape (row,) of labels or (row, label) of 0 and 1

    Raises
    ------
    DataError
        If they are dates or durations, or no class that is to be learnt has two rows.
    ValueError
        If they are no classes, such as numbers with a fraction.
    """
    y = cast(Any, y).toarray() if issparse(y) else np.asarray(y)
    refuse_times(y, "classes")
    if learn:
        refuse_a_class_per_row(y)
    kind = type_of_target(y, input_name="y")
    if kind == "multilabel-indicator":
        if not np.isin(y, (0, 1)).all():
            found = np.unique(y).tolist()
            raise DataError(explain("y", "0 or 1 where it has a column per label", found))
        return np.asarray(y)
    labels = column_or_1d(y, warn=True)
    if kind not in ("binary", "multiclass"):
        check_classification_targets(labels)
    return np.asarray(labels)


def refuse_a_class_per_row(y: HostArray) -> None:
    """Raise `DataError` if no class comes again: a network can learn nothing of them."""
    rows = len(y) if y.ndim else 0
    if rows <= _FEW_ROWS or y.size != rows or len(np.unique(y)) < rows:
        return
    if y.dtype.kind != "f" or (y == np.round(y)).all():  # Others are no classes at all.
        raise DataError(
            f"y must have classes that come again; got {rows} classes in {rows} rows, such as "
            f"{y.ravel().tolist()[0]!r}. Use a regressor for numbers, or check the target column."
        )


def weights_of_targets(
    class_weight: ClassWeight, targets: Floats, classes: HostArray
) -> Floats | None:
    """Weight of each row from its class.

    Parameters
    ----------
    class_weight : mapping from class to weight, "balanced" or None
        With a column per label, a class is the position of a column.
    targets : array, shape (row, 1) of positions in `classes`, or (row, label) of 0 and 1
    classes : array, shape (class,)

    Returns
    -------
    array of float64, shape (row,), or None

    Raises
    ------
    ParameterError
        If it is none of these, a weight is negative or no number, or a row has several labels.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, Mapping):
        for name, weight in class_weight.items():
            check(f"class_weight[{name!r}]", weight, _WEIGHT)
    elif class_weight != "balanced":
        raise _not_weights(class_weight)
    try:
        return np.asarray(compute_sample_weight(class_weight, classes[_codes(targets)]))
    except (ValueError, TypeError) as error:
        raise _not_weights(class_weight, f"({error})") from error


def _codes(targets: Floats) -> Integers:
    """Each row's class as a position."""
    if targets.shape[1] == 1:
        return targets[:, 0].astype(np.intp)
    if not (targets.sum(axis=1) == 1).all():
        raise ValueError(
            "a row has several labels or none, so that it has no class of its own; "
            "give sample_weight instead"
        )
    return targets.argmax(axis=1)


def _not_weights(class_weight: object, reason: str = "") -> ParameterError:
    wanted = "None, 'balanced' or a dict from class to weight"
    return ParameterError(explain("class_weight", wanted, class_weight, reason))

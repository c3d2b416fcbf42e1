"""Classes of a Keras classifier's targets, and targets as numbers of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from kohort.arrays import HostArray, Integers, LossLike
from kohort.engine.member import Floats
from kohort.errors import DataError
from kohort.estimators.keras_models.inputs import positions_of, tells_classes_apart
from kohort.estimators.labels_in_order import refuse_without_order
from kohort.estimators.refused_targets import refuse_axes, refuse_times

LABELS = "multilabel-indicator"
"""Type of a target that has a column for each label, as scikit-learn names it."""

ONE_HOT = "multiclass-onehot"
"""Type of a target whose rows are one-hot, as SciKeras names it."""


def classes_of(
    columns: HostArray, kind: str, width: int, declared: HostArray | None
) -> list[HostArray]:
    """Classes of each target, as y tells them.

    Parameters
    ----------
    columns : array, shape (row, target)
    kind : str
        Type of the targets.
    width : int
        Columns of y as it was given.
    declared : array or None
        All classes of the only target.
    """
    if kind == LABELS:
        known = np.array([0, 1])
        return [known if np.isin(columns, known).all() else np.unique(columns)] * columns.shape[1]
    if kind == ONE_HOT:
        return [np.arange(width)]
    return [np.unique(part) for part in columns.T] if declared is None else [declared]


def kind_of_targets(y: HostArray) -> str:
    """Type of targets in scikit-learn's words, or `ONE_HOT`.

    Raises
    ------
    DataError
        If labels are missing, of several kinds, dates or durations, or y has more than two axes.
    ValueError
        If they are no classes.
    """
    refuse_times(y, "classes")
    refuse_axes(y)
    refuse_without_order(y)
    check_classification_targets(y)
    kind = str(type_of_target(y))
    return ONE_HOT if kind == LABELS and _is_one_hot(y) else kind


def _is_one_hot(y: HostArray) -> bool:
    """Whether each row has a single 1 among zeros."""
    return bool(np.isin(y, (0, 1)).all() and (np.sum(y, axis=1) == 1).all())


def one_hot_codes(y: HostArray) -> Integers:
    """Position of the 1 in each row.

    Raises
    ------
    DataError
        If a row has several, or none.
    """
    if not _is_one_hot(y):
        row = int(np.argmax(np.sum(np.asarray(y) != 0, axis=1) != 1))
        raise DataError(
            f"y must have a single 1 among zeros in each row, as at the first fit; got "
            f"{np.asarray(y)[row].tolist()} in row {row + 1}."
        )
    return np.argmax(y, axis=1)


def encoded_classes(
    columns: HostArray, every: Sequence[HostArray], hot: Sequence[bool], signed: Sequence[bool]
) -> Floats:
    """Targets as a network trains on them, shape (row, value).

    Parameters
    ----------
    columns : array, shape (row, target)
    every : sequence of array
        Sorted classes of each target.
    hot : sequence of bool
        Whether a target becomes one-hot rows, not positions of classes.
    signed : sequence of bool
        Whether a target stays -1 and 1.

    Raises
    ------
    DataError
        If there is another number of targets, or a label that is no class.
    """
    if columns.shape[1] != len(every):
        raise DataError(f"y must have {len(every)} targets; got {columns.shape[1]}.")
    parts = []
    for column, classes, one_hot, as_given in zip(columns.T, every, hot, signed, strict=True):
        codes = positions_of(column, classes)
        values = classes[codes] if as_given else codes
        parts.append(np.eye(len(classes))[codes] if one_hot else values[:, None])
    return np.concatenate(parts, axis=1).astype(np.float64)


def classes_by_position(
    seen: Sequence[HostArray], outputs: Sequence[tuple[int, ...]], losses: Sequence[LossLike]
) -> list[HostArray]:
    """Classes of each target: those seen in y, or the numbers of an output's units.

    A model that was built for more classes than the rows of a fold hold knows them by number: y
    holds some of the numbers from 0 on, and the loss tells classes apart.

    Parameters
    ----------
    seen : sequence of array
        Sorted, for each target.
    outputs : sequence of tuple
        Shape of a row of each output.
    losses : sequence
        The loss of each output.
    """
    if len(seen) != len(outputs):
        return list(seen)
    found = []
    for classes, output, loss in zip(seen, outputs, losses, strict=True):
        numbered = classes.dtype.kind in "iuf" and tells_classes_apart(loss)
        every = np.arange(output[-1] if output else 1)
        wider = numbered and len(every) > len(classes) and np.isin(classes, every).all()
        found.append(every.astype(classes.dtype) if wider else classes)
    return found

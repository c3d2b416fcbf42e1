"""Which classes the targets of a Keras classifier have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kohort.arrays import HostArray, LossLike
from kohort.estimators.keras_models.inputs import tells_classes_apart

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
    if kind == "multilabel-indicator":
        return [np.array([0, 1])] * columns.shape[1]
    if kind == ONE_HOT:
        return [np.arange(width)]
    return [np.unique(part) for part in columns.T] if declared is None else [declared]


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

"""Rows with and without a label, in scikit-learn's convention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_consistent_length, validate_data

from kohort.arrays import DTypeLike, Estimator, TableLike, TargetsLike, WeightsLike
from kohort.data.moments import Streamed
from kohort.engine.member import Floats
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.preparation import checked_table


@dataclass(frozen=True)
class Labelled:
    """The data of a `fit`, with the unlabelled rows set aside.

    Attributes
    ----------
    X, y, sample_weight
        The labelled rows; X and y checked.
    unlabelled : list of tables
        Features of the others.
    """

    X: Any
    y: Any
    sample_weight: Any
    unlabelled: list[Any]

    def unlabelled_values(self, estimator: Estimator, dtypes: DTypeLike) -> Floats | None:
        """The unlabelled rows, checked, as one array of shape (row, feature); None without any."""
        if not self.unlabelled:
            return None
        checked = [
            validate_data(estimator, table, dtype=dtypes, reset=False) for table in self.unlabelled
        ]
        return np.concatenate(checked)


def labelled_rows(
    estimator: Estimator,
    X: TableLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    X_unlabeled: TableLike,
) -> Labelled:
    """Set rows without a label aside, if the estimator pretrains, and check the others.

    A row has no label where y is -1 (classification) or any target is NaN (regression).

    Raises
    ------
    ParameterError
        If `X_unlabeled` is given to an estimator that does not pretrain, or X to one that does is
        never a dense array as a whole.
    DataError, ValueError
        If no row has a label, or the rows cannot be used.
    """
    given = _labelled(estimator, X, y, sample_weight, X_unlabeled)
    X, y = checked_table(estimator, given.X, given.y)
    return replace(given, X=X, y=y)


def _labelled(
    estimator: Estimator,
    X: TableLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    X_unlabeled: TableLike,
) -> Labelled:
    if estimator.pretrain is None:
        if X_unlabeled is not None:
            remedy = "Set pretrain='denoising', for example, or leave X_unlabeled out."
            raise ParameterError(
                explain("X_unlabeled", "None with pretrain=None", X_unlabeled, remedy)
            )
        return Labelled(X, y, sample_weight, [])
    if issparse(X) or isinstance(X, Streamed):
        wanted = "None for a sparse X or a ParquetTable"
        raise ParameterError(explain("pretrain", wanted, estimator.pretrain))
    tables = [] if X_unlabeled is None else [X_unlabeled]
    missing = _without_label(y, is_classifier(estimator))
    if not missing.any():
        return Labelled(X, y, sample_weight, tables)
    if missing.all():
        raise DataError(
            f"y must hold the label of at least one row; got {len(missing)} rows without one. "
            "Label some rows."
        )
    check_consistent_length(X, y)
    known, unknown = np.flatnonzero(~missing), np.flatnonzero(missing)
    if sample_weight is not None and np.ndim(sample_weight):
        sample_weight = _safe_indexing(sample_weight, known)
    return Labelled(
        _safe_indexing(X, known),
        _safe_indexing(y, known),
        sample_weight,
        [_safe_indexing(X, unknown), *tables],
    )


def _without_label(y: TargetsLike, classifies: bool) -> NDArray[np.bool_]:
    values = np.asarray(y)
    if classifies:
        return np.asarray(np.all(np.asarray(values == -1).reshape(len(values), -1), axis=1), bool)
    if values.dtype.kind not in "fO":
        return np.zeros(len(values), bool)
    numbers = values.astype(np.float64).reshape(len(values), -1)
    return np.asarray(np.isnan(numbers).any(axis=1))

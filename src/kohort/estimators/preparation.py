"""From the arguments of `fit` to the rows of a member: checked tables."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.utils.validation import check_consistent_length, validate_data

from kohort.arrays import Estimator, TableLike, TargetsLike, ValidationLike
from kohort.data.parquet import ParquetTable
from kohort.data.sparse_rows import Csr, SparseTable
from kohort.data.standardising import Standardisation
from kohort.deferred import jax
from kohort.engine.member import Floats
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.labels_in_order import refuse_without_order
from kohort.estimators.refused_targets import refuse_axes
from kohort.estimators.text_in_tables import refuse_text
from kohort.runtime import floatx

DTYPES = (np.float64, np.float32)
"""Types of tables that are taken as they are; others become the first."""

_COARSE = 0.01
"""Part of a deviation that neighbouring numbers may be apart."""


def floating_dtype() -> np.dtype[Any]:
    """Keras's `floatx`, as far as JAX is set up for it.

    Raises
    ------
    ParameterError
        If it is neither float32 nor float64, or is float64 while JAX's x64 mode is off.
    """
    name = floatx()
    if name not in ("float32", "float64"):
        raise ParameterError(
            explain("keras.config.floatx()", "'float32' or 'float64'", name, "Use set_floatx.")
        )
    if name == "float64" and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise ParameterError(
            explain(
                "keras.config.floatx()",
                "'float32' unless JAX computes in double precision",
                name,
                'Call jax.config.update("jax_enable_x64", True) first.',
            )
        )
    return np.dtype(name)


def checked_table(
    estimator: Estimator, X: TableLike, y: TargetsLike = "no_validation", reset: bool = True
) -> tuple[Any, Any]:
    """A table that was given to an estimator, and its targets if any.

    Raises
    ------
    ValueError
        If they cannot be used, or are not of the form that the estimator was fitted with.
    """
    if isinstance(X, ParquetTable):
        return _checked_file(estimator, X, y, reset)
    if isinstance(X, SparseTable):
        X = X.values
    options = {"accept_sparse": "csr", "dtype": DTYPES, "reset": reset}
    if not isinstance(y, str):
        refuse_axes(y)
        if is_classifier(estimator):
            refuse_without_order(y)
        options |= {"y": _of_numpy(y), "multi_output": True}
    try:
        checked = validate_data(estimator, X, **options)
    except (ValueError, TypeError) as error:
        refuse_text(X, error)
        raise
    X, y = (checked, None) if isinstance(y, str) else checked
    return SparseTable(cast(Csr, X)) if issparse(X) else X, y


def _of_numpy(y: TargetsLike) -> TargetsLike:
    """A Series of pandas's own numbers or truth values with NumPy's type; else y as it is.

    scikit-learn would make floats of them, and of the labels that are predicted.
    """
    own = getattr(getattr(y, "dtype", None), "numpy_dtype", None)
    return y if own is None or y.isna().any() else y.to_numpy(own)


def _checked_file(
    estimator: Estimator, X: ParquetTable, y: TargetsLike, reset: bool
) -> tuple[ParquetTable, Any]:
    """The same for a table in a file."""
    if reset:
        estimator.n_features_in_ = X.shape[1]
        estimator.feature_names_in_ = np.array(X.columns, dtype=object)
    elif list(getattr(estimator, "feature_names_in_", X.columns)) != list(X.columns):
        raise DataError(
            f"The columns of X must be {list(estimator.feature_names_in_)}, as in fit; got "
            f"{list(X.columns)}. Choose them with ParquetTable(path, columns=[...])."
        )
    elif X.shape[1] != estimator.n_features_in_:
        raise DataError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input. Choose them with ParquetTable(path, "
            "columns=[...])."
        )
    if isinstance(y, str):
        return X, None
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    check_consistent_length(X, y)
    return X, y


def warn_if_coarse(
    what: str, mean: Floats, deviation: Floats, *, remedy: str, stacklevel: int
) -> None:
    """Warn where neighbouring numbers of Keras's type are far apart beside a deviation.

    Parameters
    ----------
    what : str
        Beginning of the sentence, up to "in float32".
    mean, deviation : arrays, shape (column,)
        A deviation may be infinite; a column whose deviation is 0 has nothing to lose.
    remedy : str
    stacklevel : int
        As of `warnings.warn` in the caller.
    """
    kind = np.dtype(floatx())
    steps = np.spacing(np.abs(mean).astype(kind)).astype(np.float64)
    worst = int(np.argmax(np.where(deviation > 0, steps - _COARSE * deviation, -np.inf)))
    if steps[worst] > _COARSE * deviation[worst] > 0:
        column = f" of column {worst}" if len(mean) > 1 else ""
        warnings.warn(
            f"{what}, in {kind.name}, whose numbers around {mean[worst]:.6g} are "
            f"{steps[worst]:.3g} apart; the deviation{column} is {deviation[worst]:.3g}. {remedy}",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def warn_of_export(name: str, scaling: Standardisation, stacklevel: int) -> None:
    """Warn where a Keras model that computes in the data's own unit loses digits.

    Parameters
    ----------
    name : str
        Of the data, "X" or "y".
    scaling : Standardisation
        Of the data; the model has it inside.
    stacklevel : int
        As of `warnings.warn` in the caller.

    Raises
    ------
    DataError
        If Keras's type does not reach so far.
    """
    kind = np.dtype(floatx())
    scale = np.where(np.isfinite(scaling.scale), scaling.scale, 0.0)
    if max(np.abs(scaling.mean).max(), scale.max()) > np.finfo(kind).max:
        raise DataError(
            f"{name} is too large for a Keras model, which computes in {kind.name} "
            f"(up to {np.finfo(kind).max:.2g}). Rescale it before fitting."
        )
    warn_if_coarse(
        f"The Keras model computes {name} in its own unit", scaling.mean, scaling.scale,
        remedy="Subtract a constant before fitting, or predict with the estimator itself.",
        stacklevel=stacklevel + 1,
    )  # fmt: skip


def unpack_validation(validation_data: ValidationLike) -> tuple[Any, Any, Any]:
    """`(X, y)` or `(X, y, sample_weight)` as three values."""
    if isinstance(validation_data, tuple | list) and len(validation_data) in (2, 3):
        X, y, *weight = validation_data
        return X, y, weight[0] if weight else None
    raise ParameterError(
        explain("validation_data", "a tuple (X, y) or (X, y, sample_weight)", validation_data)
    )

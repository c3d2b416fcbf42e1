"""From what `fit` is given to what a member trains on: scaling, weights, the validation split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_consistent_length, validate_data

from kohort.data.parquet import ParquetTable
from kohort.engine.member import Floats
from kohort.errors import DataError, ParameterError, explain

_BLOCK = 65536
DTYPES = (np.float64, np.float32)
"""Types of tables that are taken as they are; others become the first."""


def floating_dtype() -> np.dtype[Any]:
    """Keras's `floatx`, as far as JAX is set up for it.

    Raises
    ------
    ParameterError
        If it is neither float32 nor float64, or is float64 while JAX's x64 mode is off.
    """
    import jax

    name = keras.config.floatx()
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
    estimator: Any, X: Any, y: Any = "no_validation", reset: bool = True
) -> tuple[Any, Any]:
    """A table that was given to an estimator, and its targets if any.

    Raises
    ------
    ValueError
        If they cannot be used, or are not of the form that the estimator was fitted with.
    """
    if not isinstance(X, ParquetTable):
        if isinstance(y, str):
            return validate_data(estimator, X, dtype=DTYPES, reset=reset), None
        return validate_data(estimator, X, y, dtype=DTYPES, multi_output=True, reset=reset)
    if reset:
        estimator.n_features_in_ = X.shape[1]
        estimator.feature_names_in_ = np.array(X.columns, dtype=object)
    elif list(getattr(estimator, "feature_names_in_", X.columns)) != list(X.columns):
        raise ValueError(
            f"The columns of X must be {list(estimator.feature_names_in_)}, as in fit; got "
            f"{list(X.columns)}."
        )
    if not isinstance(y, str):
        if y is None:
            raise ValueError(
                f"{type(estimator).__name__} requires y to be passed, but the target y is None."
            )
        check_consistent_length(X, y)
    return X, y


@dataclass(frozen=True)
class Scaling:
    """Standardisation of columns: `(values - mean) / scale`.

    Attributes
    ----------
    mean, scale : arrays of float64, shape (column,)
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, values: Floats | ParquetTable, weight: Floats | None, on: bool) -> Scaling:
        """Means and deviations of the columns (1 for a constant), or the identity when not `on`."""
        columns = values.shape[1]
        if not on:
            return cls(np.zeros(columns), np.ones(columns))
        if isinstance(values, ParquetTable):
            mean, variance = values.moments(weight)
        else:
            mean, variance = _moments(values, weight)
        scale = np.sqrt(variance)
        rounding = 10 * np.finfo(np.float64).eps * np.abs(mean)
        return cls(mean, np.where(scale <= rounding, 1.0, scale))

    @classmethod
    def by_mean(cls, values: Floats, weight: Floats | None, on: bool) -> Scaling:
        """Division of each column by its mean (1 for a column of zeros), for counts."""
        if not on:
            return cls.of(values, weight, on)
        mean = np.average(values, axis=0, weights=weight)
        return cls(np.zeros_like(mean), np.where(mean > 0, mean, 1.0))

    def apply(self, values: Floats, dtype: np.dtype[Any]) -> Floats:
        """Standardise in double precision, block by block, into an array of `dtype`.

        Raises
        ------
        DataError
            If a scaled value overflows.
        """
        result = np.empty(values.shape, dtype)
        for block in _blocks(values):
            with np.errstate(over="ignore"):
                result[block] = (values[block] - self.mean) / self.scale
            if not np.isfinite(result[block]).all():
                raise DataError(
                    f"A value is too large for {dtype.name}: {np.abs(values[block]).max():.3g}. "
                    "Rescale the column, or keep standardize=True."
                )
        return result

    def rows(self, values: Floats | ParquetTable, dtype: np.dtype[Any], workers: int = 0) -> Any:
        """Standardised rows: an array, or rows that stay in their file and are read by workers."""
        if isinstance(values, ParquetTable):
            return values.stream(self.mean, self.scale, dtype, workers)
        return self.apply(values, dtype)

    def undo(self, values: Floats) -> Floats:
        """Inverse of `apply`, in double precision."""
        return np.asarray(values, np.float64) * self.scale + self.mean


def _moments(values: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
    """Mean and variance of each column, in double precision."""
    share = np.full(len(values), 1.0) if weight is None else np.asarray(weight, np.float64)
    share = share / share.sum()
    mean, variance = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for block in _blocks(values):
        mean += share[block] @ values[block]
    for block in _blocks(values):
        variance += share[block] @ np.square(values[block] - mean)
    return mean, variance


def _blocks(values: Floats) -> Iterator[slice]:
    """Slices of rows small enough that a temporary copy of one does not matter."""
    return (slice(start, start + _BLOCK) for start in range(0, len(values), _BLOCK))


def relative(
    weight: Floats | None, train: NDArray[np.intp] | None, dtype: np.dtype[Any]
) -> Floats | None:
    """Weights scaled to a mean of 1 over the training rows, so that their unit does not matter."""
    if weight is None:
        return None
    seen = weight if train is None else weight[train]
    total = float(seen.sum())
    if total <= 0:
        raise DataError(
            "sample_weight is zero for every row that is trained on. Give some row a positive "
            "weight, or pass validation_data so that no row is set aside."
        )
    return (weight * (len(seen) / total)).astype(dtype)


def unpack_validation(validation_data: Any) -> tuple[Any, Any, Any]:
    """`(X, y)` or `(X, y, sample_weight)` as three values."""
    if isinstance(validation_data, tuple | list) and len(validation_data) in (2, 3):
        X, y, *weight = validation_data
        return X, y, weight[0] if weight else None
    raise ParameterError(
        explain("validation_data", "a tuple (X, y) or (X, y, sample_weight)", validation_data)
    )

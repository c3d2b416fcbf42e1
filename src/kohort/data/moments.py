"""Range, mean and deviation of each column of a table that is read part by part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats, HostArray
from kohort.data.standardising import Standardisation
from kohort.engine.rows import LazyRows
from kohort.errors import DataError


@runtime_checkable
class Streamed(Protocol):
    """A table that is never a dense array as a whole: it is in a file, or most values are 0."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    def moments(self, weight: Floats | None) -> Moments:
        """Moments of its columns, of rows with these weights."""
        ...

    def stream(self, scaling: Standardisation, dtype: np.dtype[Any], workers: int) -> LazyRows:
        """Its standardised rows, read by this number of processes."""
        ...


Part: TypeAlias = tuple[HostArray, Floats | None]
"""Some rows of a table, (row, column), and their weights."""

_ROUNDINGS = 4
_MOST_ROWS, _MOST_VALUES = 65536, 2**22


@dataclass(frozen=True)
class Moments:
    """The moments of each column, arrays of float64 of shape (column,).

    Attributes
    ----------
    low, high : arrays
        Smallest and largest value.
    mean, deviation : arrays
        Weighted mean, and weighted standard deviation (divided by the number of rows).
    rounding : array
        Distance of neighbouring numbers of the column's type at its largest absolute value.
    truths : array of bool
        Whether the column holds nothing but 0 and 1.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    rounding: NDArray[np.float64]
    truths: NDArray[np.bool_]

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Whether the values of a column differ by no more than a few roundings.

        The range says so without error. The deviation cannot: for equal values it is as large as
        the rounding of their sum, which grows with the number of rows.
        """
        return np.asarray(self.high / 2 - self.low / 2 <= _ROUNDINGS / 2 * self.rounding)


def moments(parts: Iterable[Part]) -> Moments:
    """Moments over all parts of a table, merged as in Chan, Golub and LeVeque 1983.

    Each part is taken about the middle of its range and in units of it, so that neither a large
    offset nor the size of the values costs digits: squares of 1e200 would overflow.

    Parameters
    ----------
    parts : iterable of (values, weight)
        Values of shape (row, column), of any real type. Weights of shape (row,), >= 0, or None for
        equal ones. Rows of weight 0 count for nothing.

    Returns
    -------
    Moments
        NaN where a column has a NaN or an infinity.

    Raises
    ------
    DataError
        If no row has a positive weight.

    Examples
    --------
    >>> import numpy as np
    >>> found = moments([(np.array([[1.0, 7.0], [3.0, 7.0]]), None)])
    >>> found.mean.tolist(), found.deviation.tolist(), found.constant.tolist()
    ([2.0, 7.0], [1.0, 0.0], [False, True])
    """
    total, merged = 0.0, None
    for values, weight in parts:
        if weight is not None:
            counted = weight > 0
            values, weight = values[counted], np.asarray(weight, np.float64)[counted]
        if not len(values):
            continue
        share = float(len(values)) if weight is None else float(weight.sum())
        part = _of_part(values, np.full(len(values), 1.0) if weight is None else weight)
        total += share
        merged = part if merged is None else _merged(merged, part, share / total)
    if merged is None:
        raise no_weight()
    return merged


def no_weight() -> DataError:
    """The error for a table in which no row has a positive weight."""
    return DataError(
        "The weights (sample_weight times class_weight) are zero for every row. Give some row a "
        "positive weight."
    )


def too_large(values: HostArray, dtype: np.dtype[Any]) -> DataError:
    """The error for a scaled value that overflows."""
    return DataError(
        f"A value is too large for {dtype.name}: {np.abs(values).max():.3g}. Rescale the column, "
        "or keep standardize=True."
    )


def in_blocks(
    values: HostArray, weight: Floats | None
) -> Iterator[tuple[HostArray, Floats | None]]:
    """A table in memory, and the weights of its rows, as the parts that `moments` takes."""
    for rows in blocks_of(values.shape):
        yield values[rows], None if weight is None else weight[rows]


def blocks_of(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of rows of a table of this shape, each so small that a dense copy does not matter."""
    size = min(_MOST_ROWS, max(1, _MOST_VALUES // max(1, shape[1])))
    return (slice(start, start + size) for start in range(0, shape[0], size))


def _of_part(values: HostArray, weight: Floats) -> Moments:
    low, high = (np.asarray(ends, np.float64) for ends in (values.min(axis=0), values.max(axis=0)))
    largest = np.maximum(np.abs(low), np.abs(high))
    kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    with np.errstate(invalid="ignore"):  # NaN and infinity come out as NaN.
        middle, unit = low / 2 + high / 2, high / 2 - low / 2
        unit = np.where(unit > 0, unit, 1.0)
        inner = (values.astype(np.float64) - middle) / unit
        share = weight / weight.sum()
        mean = share @ inner
        spread = np.sqrt(share @ np.square(inner - mean))
        rounding = np.spacing(largest.astype(kind)).astype(np.float64)
    truths = ((values == 0) | (values == 1)).all(axis=0)
    return Moments(low, high, middle + unit * mean, unit * spread, rounding, truths)


def _merged(one: Moments, other: Moments, share: float) -> Moments:
    """Moments of two parts, of which the second has this share of the weight."""
    with np.errstate(over="ignore", invalid="ignore"):
        away = other.mean - one.mean
    sizes = np.stack([one.deviation, other.deviation, np.abs(away)])
    unit = sizes.max(axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    first, second, between = np.square(sizes / unit)
    spread = (1 - share) * first + share * second + share * (1 - share) * between
    return Moments(
        np.minimum(one.low, other.low),
        np.maximum(one.high, other.high),
        one.mean + share * away,
        unit * np.sqrt(spread),
        np.maximum(one.rounding, other.rounding),
        one.truths & other.truths,
    )

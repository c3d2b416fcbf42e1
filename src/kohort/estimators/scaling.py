"""Standardisation of features and targets, in double precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats
from kohort.data.moments import Streamed, blocks_of, in_blocks, moments, too_large
from kohort.data.standardising import Standardisation
from kohort.engine.rows import LazyRows, SlicedRows


@dataclass(frozen=True)
class Habits:
    """How features are scaled, as an estimator's parameters of these names say.

    Attributes
    ----------
    standardize, scale_binary : bool
    input_clip : float or None
    """

    standardize: bool = True
    scale_binary: bool = True
    input_clip: float | None = None


@dataclass(frozen=True)
class Scaling(Standardisation):
    """A standardisation that is learnt of a table, and undone."""

    @classmethod
    def of_features(
        cls, values: Floats | Streamed, weight: Floats | None, habits: Habits
    ) -> Scaling:
        """Means and deviations of the columns, or the identity when they are not standardised.

        The scale of a constant column is infinite, so that its scaled values are 0 whatever comes
        later: a network learns nothing about a column that never changes, and another value in
        it, divided by 1, would meet weights that are still as they were drawn.
        """
        columns = values.shape[1]
        if not habits.standardize:
            return cls.identity(columns)
        if isinstance(values, Streamed):
            found = values.moments(weight)
        else:
            found = moments(in_blocks(values, weight))
        kept = found.truths & ~found.constant & (not habits.scale_binary)
        scale = np.where(kept, 1.0, np.where(found.constant, np.inf, found.deviation))
        limit = np.where(kept, np.inf, habits.input_clip or np.inf)
        return cls(np.where(kept, 0.0, found.mean), scale, limit)

    @classmethod
    def of_targets(cls, values: Floats, weight: Floats | None) -> Scaling:
        """Means and deviations of the columns (1 for a constant)."""
        found = moments(in_blocks(values, weight))
        return cls._unlimited(found.mean, np.where(found.constant, 1.0, found.deviation))

    @classmethod
    def identity(cls, columns: int) -> Scaling:
        """The scaling that leaves values as they are; one of a single column suits any table."""
        return cls._unlimited(np.zeros(columns), np.ones(columns))

    @classmethod
    def _unlimited(cls, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> Scaling:
        return cls(mean, scale, np.full(len(mean), np.inf))

    @classmethod
    def by_mean(cls, values: Floats, weight: Floats | None) -> Scaling:
        """Division of each column by its mean (1 for a column of zeros), for counts."""
        mean = cls.of_targets(values, weight).mean
        return cls._unlimited(np.zeros_like(mean), np.where(mean > 0, mean, 1.0))

    def apply(self, values: Floats, dtype: np.dtype[Any]) -> Floats:
        """Standardise in double precision, block by block, into an array of `dtype`.

        Raises
        ------
        DataError
            If a scaled value overflows.
        """
        result = np.empty(values.shape, dtype)
        for block in blocks_of(values.shape):
            with np.errstate(over="ignore"):
                result[block] = self.of(values[block])
            if not np.isfinite(result[block]).all():
                raise too_large(values[block], dtype)
        return result

    def rows(
        self, values: Floats | Streamed, dtype: np.dtype[Any], workers: int = 0
    ) -> Floats | LazyRows:
        """Standardised rows: an array, or rows that stay unscaled until they are read."""
        if isinstance(values, Streamed):
            return values.stream(Standardisation(*self.arrays), dtype, workers)
        return self.apply(values, dtype)

    def when_read(self, values: Floats | Streamed, dtype: np.dtype[Any]) -> SlicedRows:
        """The same rows, of which none is standardised before it is read."""
        if isinstance(values, Streamed):
            return values.stream(Standardisation(*self.arrays), dtype, 0)
        return _Unscaled(values, dtype, self)

    def undo(self, values: Floats) -> Floats:
        """Inverse of `apply` for columns without a limit, in double precision."""
        return np.asarray(values, np.float64) * self.scale + self.mean


@dataclass(frozen=True)
class _Unscaled:
    """A table in memory, whose rows are standardised when they are read."""

    values: Floats
    dtype: np.dtype[Any]
    scaling: Scaling

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice, /) -> Floats:
        return self.scaling.apply(self.values[rows], self.dtype)

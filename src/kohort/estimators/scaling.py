"""Standardisation of features and targets, in double precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats
from kohort.data.bins import NO_BINS, Bins
from kohort.data.moments import Moments, Streamed, blocks_of, in_blocks, moments, too_large
from kohort.data.standardising import Standardisation
from kohort.engine.rows import LazyRows, SlicedRows
from kohort.errors import ParameterError, explain


@dataclass(frozen=True)
class Habits:
    """How features are scaled, as an estimator's parameters of these names say.

    Attributes
    ----------
    standardize, scale_binary : bool
    input_clip : float or None
    n_bins : int or None
    """

    standardize: bool = True
    scale_binary: bool = True
    input_clip: float | None = None
    n_bins: int | None = None


@dataclass(frozen=True)
class Scaling(Standardisation):
    """A standardisation that is learnt of a table, and undone.

    Attributes
    ----------
    mean, scale, limit : arrays of float64
        Of the columns of a table, and behind them of those of its bins.
    bins : Bins
        Columns that are added to a table before it is standardised.
    """

    bins: Bins = NO_BINS

    @classmethod
    def of_features(
        cls, values: Floats | Streamed, weight: Floats | None, habits: Habits
    ) -> Scaling:
        """Means and deviations of the columns, or the identity when they are not standardised.

        The scale of a constant column is infinite, so that its scaled values are 0 whatever comes
        later: a network learns nothing about a column that never changes, and another value in
        it, divided by 1, would meet weights that are still as they were drawn.

        Raises
        ------
        ParameterError
            If there are to be bins of a table that is never in memory as a whole.
        """
        if isinstance(values, Streamed):
            if habits.n_bins is not None:
                requirement = "None for a table that is sparse or stays in its file"
                remedy = "Its quantiles need the whole table in memory, as an array or DataFrame."
                raise ParameterError(explain("n_bins", requirement, habits.n_bins, remedy))
            if not habits.standardize:
                return cls.identity(values.shape[1])
            return cls._learnt(values.moments(weight), habits)
        bins = NO_BINS
        if habits.n_bins is not None:
            bins = Bins.of_quantiles(values, weight, habits.n_bins)
        if not habits.standardize:
            return replace(cls.identity(values.shape[1] + len(bins)), bins=bins)
        plain = cls._learnt(moments(in_blocks(values, weight)), habits)
        if not len(bins):
            return plain
        parts = (
            (bins.of(values[rows]), None if weight is None else weight[rows])
            for rows in blocks_of((len(values), len(bins)))
        )
        added = cls._learnt(moments(parts), habits)
        return cls(
            np.concatenate([plain.mean, added.mean]),
            np.concatenate([plain.scale, added.scale]),
            np.concatenate([plain.limit, added.limit]),
            bins,
        )

    @classmethod
    def _learnt(cls, found: Moments, habits: Habits) -> Scaling:
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
        rows, columns = values.shape
        result = np.empty((rows, columns + len(self.bins)), dtype)
        for block in blocks_of(result.shape):
            with np.errstate(over="ignore"):
                result[block] = self.of(self.bins.added_to(values[block]))
            if not np.isfinite(result[block]).all():
                raise too_large(values[block], dtype)
        return result

    def rows(
        self, values: Floats | Streamed, dtype: np.dtype[Any], workers: int = 0
    ) -> Floats | LazyRows:
        """Standardised rows: an array, or rows that stay unscaled until they are read."""
        if isinstance(values, Streamed):
            return values.stream(self._plain, dtype, workers)
        return self.apply(values, dtype)

    def when_read(self, values: Floats | Streamed, dtype: np.dtype[Any]) -> SlicedRows:
        """The same rows, of which none is standardised before it is read."""
        if isinstance(values, Streamed):
            return values.stream(self._plain, dtype, 0)
        return _Unscaled(values, dtype, self)

    @property
    def _plain(self) -> Standardisation:
        """The standardisation alone, which workers can read without more imports."""
        return Standardisation(self.mean, self.scale, self.limit)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        return (*self._plain.arrays, *self.bins.arrays)

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
        rows, columns = self.values.shape
        return rows, columns + len(self.scaling.bins)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice, /) -> Floats:
        return self.scaling.apply(self.values[rows], self.dtype)

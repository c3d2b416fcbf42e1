"""Standardisation of features and targets, in double precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats
from kohort.data.moments import Streamed, blocks_of, in_blocks, moments, too_large
from kohort.engine.rows import LazyRows


@dataclass(frozen=True)
class Scaling:
    """Standardisation of columns: `(values - mean) / scale`.

    Attributes
    ----------
    mean, scale : arrays of float64, shape (column,)
        A scale may be infinite: the scaled column is 0.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of_features(cls, values: Floats | Streamed, weight: Floats | None, on: bool) -> Scaling:
        """Means and deviations of the columns, or the identity when not `on`.

        The scale of a constant column is infinite, so that its scaled values are 0 whatever comes
        later: a network learns nothing about a column that never changes, and another value in
        it, divided by 1, would meet weights that are still as they were drawn.
        """
        return cls._of(values, weight, on, constant=np.inf)

    @classmethod
    def of_targets(cls, values: Floats, weight: Floats | None, on: bool) -> Scaling:
        """Means and deviations of the columns (1 for a constant), or the identity when not `on`."""
        return cls._of(values, weight, on, constant=1.0)

    @classmethod
    def _of(
        cls, values: Floats | Streamed, weight: Floats | None, on: bool, constant: float
    ) -> Scaling:
        columns = values.shape[1]
        if not on:
            return cls(np.zeros(columns), np.ones(columns))
        if isinstance(values, Streamed):
            found = values.moments(weight)
        else:
            found = moments(in_blocks(values, weight))
        return cls(found.mean, np.where(found.constant, constant, found.deviation))

    @classmethod
    def by_mean(cls, values: Floats, weight: Floats | None, on: bool) -> Scaling:
        """Division of each column by its mean (1 for a column of zeros), for counts."""
        mean = cls.of_targets(values, weight, on).mean
        return cls(np.zeros_like(mean), np.where(mean > 0, mean, 1.0))

    def apply(self, values: Floats, dtype: np.dtype[Any]) -> Floats:
        """Standardise in double precision, block by block, into an array of `dtype`.

        Raises
        ------
        DataError
            If a scaled value overflows.
        """
        result = np.empty(values.shape, dtype)
        for block in blocks_of(values.shape):
            with np.errstate(over="ignore", invalid="ignore"):
                result[block] = (values[block] - self.mean) / self.scale
            if not np.isfinite(result[block]).all():
                raise too_large(values[block], dtype)
        return result

    def rows(
        self, values: Floats | Streamed, dtype: np.dtype[Any], workers: int = 0
    ) -> Floats | LazyRows:
        """Standardised rows: an array, or rows that stay what they are until they are read."""
        if isinstance(values, Streamed):
            return values.stream(self.mean, self.scale, dtype, workers)
        return self.apply(values, dtype)

    def undo(self, values: Floats) -> Floats:
        """Inverse of `apply`, in double precision."""
        return np.asarray(values, np.float64) * self.scale + self.mean

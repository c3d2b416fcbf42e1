"""Numbers as their way through bins: the piecewise linear encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats, HostArray

_ROUNDING = 1e-9
"""Share of a sum of weights by which rounding may move it."""


@dataclass(frozen=True, eq=False)
class Bins:
    """Columns that are added to a table, one for each bin of each column that has bins.

    A value below its bin is 0 there, one above it 1, and one inside its share of the way. A linear
    function of these columns is a function of the number that is linear in each bin: what a
    network would otherwise have to build of its units, as trees get thresholds for nothing.

    Attributes
    ----------
    source : array of int, shape (bin,)
        The column that each bin is of.
    low, high : arrays of float64, shape (bin,)
        Ends of the bins; low < high.

    References
    ----------
    Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep
    Learning", NeurIPS 2022 (arXiv:2203.05556).

    Examples
    --------
    >>> import numpy as np
    >>> bins = Bins.of_quantiles(np.array([[0.0], [1.0], [2.0], [8.0]]), None, count=2)
    >>> bins.low.tolist(), bins.high.tolist()
    ([0.0, 1.0], [1.0, 8.0])
    >>> bins.added_to(np.array([[4.5], [0.25]])).tolist()
    [[4.5, 1.0, 0.5], [0.25, 0.25, 0.0]]
    """

    source: NDArray[np.intp]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.source)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All that they are made of."""
        return self.source, self.low, self.high

    @classmethod
    def of_quantiles(cls, values: Floats, weight: Floats | None, count: int) -> Self:
        """Bins that hold about equally many rows.

        A column whose quantiles are but two numbers, such as one of 0 and 1, gets no bins. Ends of
        bins are values of the column, and do not depend on the unit of the weights.

        Parameters
        ----------
        values : array, shape (row, column)
        weight : array, shape (row,), or None
            A row counts by its weight, >= 0.
        count : int
            Bins of each column at most, >= 2.
        """
        weight = np.ones(len(values)) if weight is None else weight
        values, weight = np.asarray(values)[weight > 0], weight[weight > 0]
        edges = [np.unique(_quantiles(column, weight, count)) for column in values.T]
        edges = [own.astype(np.float64) if len(own) > 2 else np.zeros(0) for own in edges]
        source = np.repeat(np.arange(len(edges)), [max(0, len(own) - 1) for own in edges])
        low, high = (
            np.concatenate([own[part] for own in edges] or [np.zeros(0)])
            for part in (slice(None, -1), slice(1, None))
        )
        return cls(source, low, high)

    def of(self, values: HostArray) -> NDArray[np.float64]:
        """The columns of the bins, shape (row, bin), of values of shape (row, column)."""
        with np.errstate(over="ignore", invalid="ignore"):
            way = (values[:, self.source] - self.low) / (self.high - self.low)
        return np.clip(way, 0.0, 1.0)

    def added_to(self, values: HostArray) -> HostArray:
        """Values of shape (row, column), and the columns of the bins behind them."""
        return np.hstack([values, self.of(values)]) if len(self) else values


def _quantiles(column: Floats, weight: Floats, count: int) -> Floats:
    """Values of a column up to which there are 0, 1, ..., `count` parts of all weight."""
    order = np.argsort(column, kind="stable")
    total = np.cumsum(weight[order])
    wanted = np.linspace(0, 1, count + 1) * total[-1]
    places = np.searchsorted(total, wanted * (1 - _ROUNDING))
    places[-1] = len(order) - 1
    return column[order[places]]


NO_BINS = Bins(np.zeros(0, np.intp), np.zeros(0), np.zeros(0))
"""Bins of no column, which add nothing to a table."""

"""How columns of a table become numbers of about one size.

NumPy alone, so that a loader's workers need not import more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def squashed(values: NDArray[np.float64], limit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values pulled into (-limit, limit) without a kink: `z / sqrt(1 + (z / limit)**2)`.

    Small values stay what they are, none is cut off, and none overflows. Reference: the smooth
    clipping of Holzmueller et al. 2024, Better by default (arXiv:2407.04491).

    Parameters
    ----------
    values, limit : arrays of float64 that broadcast
        A limit is > 0; an infinite one leaves values as they are.

    Examples
    --------
    >>> squashed(np.array([0.1, 3.0, 500.0]), np.array(3.0)).round(3).tolist()
    [0.1, 2.121, 3.0]
    """
    return np.asarray(values / np.hypot(1.0, values / limit))


@dataclass(frozen=True)
class Standardisation:
    """Columns as `squashed((value - mean) / scale, limit)`.

    Attributes
    ----------
    mean, scale, limit : arrays of float64, shape (column,)
        A scale may be infinite: the column becomes 0. A limit may be: the column is not squashed.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    limit: NDArray[np.float64]

    def of(
        self, values: NDArray[Any], columns: NDArray[np.integer[Any]] | slice = slice(None)
    ) -> NDArray[np.float64]:
        """Values in double precision; infinite where they overflow.

        Parameters
        ----------
        values : array
            Of shape (..., column), or of that of `columns`.
        columns : array of int or slice, default=all
            The column of each value.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (values - self.mean[columns]) / self.scale[columns]
            if np.isinf(self.limit).all():
                return np.asarray(scaled, np.float64)
            return squashed(scaled, self.limit[columns])

    @property
    def arrays(self) -> tuple[NDArray[np.float64], ...]:
        """All that it is made of."""
        return self.mean, self.scale, self.limit

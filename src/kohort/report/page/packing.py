"""Arrays as text for a page: base64 of 32-bit floats, which a browser reads without parsing."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import ArrayLike, NDArray


def packed(values: ArrayLike) -> str:
    """The values as little-endian float32, in base64.

    Examples
    --------
    >>> packed([1.0, -2.0])
    'AACAPwAAAMA='
    """
    return base64.b64encode(np.asarray(values, "<f4").tobytes()).decode("ascii")


def thinned(count: int, most: int, kept: int) -> NDArray[np.intp]:
    """Positions of at most `most` values, at least 2, out of `count`, evenly spread.

    The first, the last and `kept` are always among them.

    Examples
    --------
    >>> thinned(9, 4, kept=7)
    array([0, 4, 7, 8])
    """
    if count <= most:
        return np.arange(count)
    spread = np.linspace(0, count - 1, max(2, most - 1)).round().astype(np.intp)
    return np.union1d(spread, np.clip(kept, 0, count - 1))

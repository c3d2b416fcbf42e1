"""Ranks of candidates that were trained for different numbers of epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kohort.arrays import Floats, Integers


def ranks(scores: Floats, completed: Sequence[bool], rungs: Sequence[int]) -> Integers:
    """Ranks from 1: candidates that trained to their end come first, then those of higher rungs.

    A refit trains to the end, so that the best candidate is one of which that was measured. Equal
    scores share a rank; what is not a number comes last.

    Parameters
    ----------
    scores : array, shape (candidate,)
        Greater is better.
    completed : sequence of bool
    rungs : sequence of int
        The rung that each reached.

    Examples
    --------
    >>> import numpy as np
    >>> ranks(np.array([0.9, 0.5, 0.7, np.nan]), [False, True, True, True], [0, 1, 2, 2])
    array([3, 2, 1, 4], dtype=int32)
    """
    places = [
        (not np.isfinite(score), not whole, 0 if whole else -rung, -score if score == score else 0)
        for score, whole, rung in zip(scores, completed, rungs, strict=True)
    ]
    ordered = sorted(places)
    return np.array([1 + ordered.index(place) for place in places], np.int32)

"""The scale on which scores are drawn: failures far behind the rest do not stretch it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kohort.arrays import Floats

_REACH = 6.0
"""A scale reaches back from the best score this many times as far as the best third lies apart."""
_FOLDS = 2.0
"""For single folds a scale reaches this multiple of its length beyond the worst mean on it."""


class ScoreScale(NamedTuple):
    """Ends of an axis for scores, and how many of them lie beyond it."""

    low: float
    high: float
    outside: int


def score_scale(means: Floats, folds: Floats, smaller_is_better: bool = False) -> ScoreScale | None:
    """The scale for the scores of some candidates; None if none is finite.

    The best candidate is always on it, with most of its folds. A mean that lies further behind
    than six times the distance of the best third, or than six times the best mean (six, where that
    is below 1), is outside: an R² of -7e23 says no more than one of -10.

    Parameters
    ----------
    means : array, shape (candidate,)
        Those that are not finite are left out.
    folds : array, shape (candidate, fold)
    smaller_is_better : bool, default=False

    Examples
    --------
    >>> score_scale(np.array([0.8, 0.7, 0.5, -7e23]), np.zeros((4, 0)))
    ScoreScale(low=0.5, high=0.8, outside=1)
    """
    known = np.isfinite(means)
    if not known.any():
        return None
    sign = -1.0 if smaller_is_better else 1.0
    signed, of_folds = sign * means[known], sign * folds[known]
    ordered = np.sort(signed)[::-1]  # From the best on.
    best = float(ordered[0])
    apart = best - float(ordered[min(len(ordered) - 1, -(-len(ordered) // 3))])
    reach = _REACH * min(apart, max(1.0, abs(best)))
    inside = signed >= best - reach
    drawn = np.concatenate([signed[inside], of_folds[inside].ravel()])
    worst, top = float(signed[inside].min()), float(np.nanmax(drawn))
    end = max(float(np.nanmin(drawn)), worst - _FOLDS * (top - worst))
    low, high = sorted((sign * end, sign * top))
    return ScoreScale(low, high, int((signed < end).sum()))

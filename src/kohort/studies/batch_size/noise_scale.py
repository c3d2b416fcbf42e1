"""The gradient noise scale: up to which batch size larger batches pay per example."""

from __future__ import annotations

import numpy as np

from kohort.engine.gradient import SquaredNorms, squared_norms
from kohort.engine.member import Floats, Member
from kohort.studies.deadline import Deadline

SMALL = 32
"""Rows of a small batch."""
_MOST_BATCHES = 128


def noise_scale(norms: list[SquaredNorms], small: int, batches: int) -> float:
    """The simple noise scale, trace of the gradient's covariance over its squared norm.

    Both are estimated without bias from two batch sizes, then averaged over the given points of the
    training before they are divided.

    Reference: McCandlish, Kaplan, Amodei et al. 2018, An Empirical Model of Large-Batch Training
    (arXiv:1812.06162), appendix A.1.

    Parameters
    ----------
    norms : list of SquaredNorms
        One per point.
    small : int
        Rows of a small batch.
    batches : int
        Number of small batches in the big one.

    Returns
    -------
    float
        In examples, >= 0; infinity where the noise hides the gradient.

    Examples
    --------
    >>> from kohort.engine.gradient import SquaredNorms
    >>> float(round(noise_scale([SquaredNorms(3.0, 1.5)], 10, 4), 6))
    20.0
    """
    big = small * batches
    square = np.mean([(big * n.big - small * n.small) / (big - small) for n in norms])
    trace = np.mean([(n.small - n.big) / (1 / small - 1 / big) for n in norms])
    if square <= 0:
        return float("inf")
    return max(0.0, float(trace / square))


def measured_noise_scale(
    member: Member, points: list[list[Floats]], deadline: Deadline | None = None
) -> tuple[float, list[float]]:
    """Noise scale of a member's loss over its own rows.

    Parameters
    ----------
    member : Member
    points : list of lists of arrays
        Variables at several points of its training.
    deadline : Deadline or None, default=None
        No further point is looked at once it is over, the latest first.

    Returns
    -------
    float
        Over all points; NaN where there are too few rows or there was no time.
    list of float
        At each of them, NaN where there was no time; empty where there was none for any.
    """
    train = np.arange(len(member.rows.x)) if member.train is None else member.train
    small = max(1, min(SMALL, len(train) // 4))
    batches = min(_MOST_BATCHES, len(train) // small)
    if batches < 2:
        return float("nan"), [float("nan")] * len(points)
    norms: dict[int, SquaredNorms] = {}
    for number in reversed(range(len(points))):
        if deadline is not None and deadline.over:
            break
        order = member.generator(7, number).permutation(train)[: small * batches]
        parts = list(order.reshape(batches, small))
        norms[number] = squared_norms(member, points[number], parts)
    if not norms:
        return float("nan"), []
    each = [
        noise_scale([norms[number]], small, batches) if number in norms else float("nan")
        for number in range(len(points))
    ]
    return noise_scale(list(norms.values()), small, batches), each

"""Greedy selection with replacement of members whose average loses least (Caruana et al. 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kohort.arrays import Floats, Integers
from kohort.searches.ensembles.losses import Loss

SIZE = 25
"""Rounds of the selection, unless told otherwise."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Which candidates were chosen, and how often.

    Attributes
    ----------
    counts : array of int, shape (candidate,)
        Their sum is the number of members, at most the size that was asked for.
    losses : array, shape (round,)
        Of the average after each round; that of the counts is the least.
    alone : array, shape (candidate,)
        Loss of each candidate alone.
    """

    counts: Integers
    losses: Floats
    alone: Floats

    @property
    def weights(self) -> Floats:
        """Share of each candidate in the average; they sum to 1."""
        return self.counts / self.counts.sum()

    @property
    def loss(self) -> float:
        """Loss of the weighted average."""
        return float(self.losses.min())


def select(terms: Floats, loss: Loss, size: int = SIZE) -> Selection:
    """Choose candidates, some of them several times, whose average has a small loss.

    Each round adds the candidate that makes the average best, whether it is in already or not. The
    selection is that of the round with the least loss. Of equals the first is taken. (The paper's
    sorted initialisation and bagging take more parts, and were no better on our tables.)

    Parameters
    ----------
    terms : array, shape (candidate, ...)
        Quantities to be averaged over candidates; see `Loss.terms`.
    loss : Loss
    size : int, default=25
        Members at most, >= 1.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble Selection from Libraries of Models", ICML
    2004.

    Examples
    --------
    >>> import numpy as np
    >>> from kohort.searches.ensembles.losses import SquaredError
    >>> loss = SquaredError(np.array([[1.0], [2.0]]))
    >>> predictions = np.array([[[0.0], [1.0]], [[2.0], [3.0]], [[9.0], [9.0]]])
    >>> select(loss.terms(predictions), loss, 4).weights
    array([0.5, 0.5, 0. ])
    """
    alone = loss.of(terms)
    chosen: list[int] = []
    losses: list[float] = []
    total = np.zeros_like(terms[0])
    for _ in range(size):
        added = loss.of((terms + total) / (len(chosen) + 1))
        best = int(np.argmin(added))
        chosen.append(best)
        losses.append(float(added[best]))
        total = total + terms[best]
    counts = np.bincount(chosen[: int(np.argmin(losses)) + 1], minlength=len(terms))
    return Selection(counts, np.asarray(losses), alone)

"""Asynchronous successive halving: candidates go on from a rung by the rung's order alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Halving:
    """The scores of every rung, and the candidates that go on from it.

    A candidate goes on from a rung if it is among the best 1 / `reduction_factor` of all that have
    come to this rung so far, at least the best of them; of equal ones those that came first.
    Candidates that have ended before a rung count there with their last score. A score that is
    not a number does not count.

    Parameters
    ----------
    min_epochs : int
        Epochs of the first rung, >= 1.
    reduction_factor : int
        How many times the epochs of each rung are those of the one before, >= 2.

    References
    ----------
    Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020
    (arXiv:1810.05934). As in Optuna's `SuccessiveHalvingPruner`, a decision is final.

    Examples
    --------
    >>> halving = Halving(min_epochs=2, reduction_factor=3)
    >>> [halving.epochs(rung) for rung in range(4)]
    [2, 6, 18, 54]
    >>> for number, score in enumerate([0.1, 0.5, 0.3, 0.5]):
    ...     halving.enter(0, number, score, ended=False)
    >>> halving.promotes(0, 1), halving.promotes(0, 3)
    (True, False)
    """

    min_epochs: int
    reduction_factor: int
    _paused: dict[int, dict[int, float]] = field(default_factory=dict)
    _ended: list[tuple[int, float]] = field(default_factory=list)

    def epochs(self, rung: int) -> int:
        """Epochs at the end of a rung, the first of which is 0."""
        return self.min_epochs * self.reduction_factor**rung

    def enter(self, rung: int, number: int, score: float, ended: bool) -> None:
        """Note the score of a candidate that has come to a rung, or has ended on the way there."""
        if math.isnan(score):
            return
        if ended:
            self._ended.append((rung, score))
        else:
            self._paused.setdefault(rung, {})[number] = score

    def promotes(self, rung: int, number: int) -> bool:
        """Whether a candidate that has entered a rung goes on from it."""
        known = self._paused.get(rung, {})
        if number not in known:
            return False
        ended = [score for level, score in self._ended if level <= rung]
        own, order = known[number], list(known)
        before = sum(score >= own for score in ended)
        before += sum(score > own for score in known.values())
        before += sum(known[other] == own for other in order[: order.index(number)])
        return before < max(1, (len(known) + len(ended)) // self.reduction_factor)

"""Asynchronous successive halving: candidates go on from a rung by the rung's order alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Halving:
    """The scores of every rung, and the candidates that go on from it.

    A candidate that pauses at a rung may go on once it is among the best 1 / `reduction_factor` of
    all that have come to this rung by then, at once or later. When no further one can come to a
    rung, at least its best one goes on. Candidates that have ended before a rung count there with
    their last score. Of equal ones those that have ended come first, then those that came first.
    A score that is not a number does not count.

    Parameters
    ----------
    min_epochs : int
        Epochs of the first rung, >= 1.
    reduction_factor : int
        How many times the epochs of each rung are those of the one before, >= 2.

    References
    ----------
    Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020
    (arXiv:1810.05934), Algorithm 2.

    Examples
    --------
    >>> halving = Halving(min_epochs=2, reduction_factor=3)
    >>> [halving.epochs(rung) for rung in range(4)]
    [2, 6, 18, 54]
    >>> for number, score in enumerate([0.1, 0.5, 0.3, 0.5]):
    ...     halving.enter(0, number, score, ended=False)
    >>> halving.due(more=2)  # Two candidates have yet to begin.
    [(0, 1)]
    >>> halving.lost(more=2)  # Of six, two go on at most.
    [0, 2]
    """

    min_epochs: int
    reduction_factor: int
    _entered: dict[int, dict[int, float]] = field(default_factory=dict)
    _ended: list[tuple[int, int, float]] = field(default_factory=list)
    _waiting: dict[int, int] = field(default_factory=dict)

    def epochs(self, rung: int) -> int:
        """Epochs at the end of a rung, the first of which is 0."""
        return self.min_epochs * self.reduction_factor**rung

    def enter(self, rung: int, number: int, score: float, ended: bool) -> None:
        """Note the score of a candidate that pauses at a rung, or has ended on the way there."""
        if ended and not math.isnan(score):
            self._ended.append((rung, number, score))
        elif not ended:
            self._entered.setdefault(rung, {})[number] = score
            self._waiting[number] = rung

    def leave(self, number: int) -> None:
        """Note that a candidate waits no longer: it goes on, or is pruned."""
        del self._waiting[number]

    def due(self, more: int) -> list[tuple[int, int]]:
        """Rung and number of candidates that may go on: higher rungs first, then better scores.

        Parameters
        ----------
        more : int
            How many candidates have yet to begin. Nobody else trains now.
        """
        found: list[tuple[int, int]] = []
        for rung in range(len(self._entered)):
            order = self._ranked(rung)
            quota = len(order) // self.reduction_factor
            if more == 0 and not found:
                quota = max(1, quota)
            best = [n for n in order[:quota] if self._waiting.get(n) == rung]
            found = [*((rung, number) for number in best), *found]
        return found

    def lost(self, more: int) -> list[int]:
        """Numbers of candidates that wait and will never be among the best of their rung."""
        found, below = [], more
        for rung in range(len(self._entered)):
            order = self._ranked(rung)
            quota = max(1, (len(order) + below) // self.reduction_factor)
            waiting = [n for n, at in self._waiting.items() if at == rung]
            hopeless = [n for n in waiting if n not in order[:quota]]
            found += hopeless
            below += len(waiting) - len(hopeless)
        return sorted(found)

    def _ranked(self, rung: int) -> list[int]:
        """Numbers of all candidates that count at a rung, best first."""
        known = [(score, number) for level, number, score in self._ended if level <= rung]
        known += [(s, n) for n, s in self._entered[rung].items() if not math.isnan(s)]
        return [number for _, number in sorted(known, key=lambda one: -one[0])]

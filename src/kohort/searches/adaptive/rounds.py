"""The rounds of an adaptive search: the candidates of each, and the rungs they train to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from kohort.searches.adaptive.candidate import Candidate
from kohort.searches.adaptive.fold_fit import FoldRows
from kohort.searches.adaptive.halving import Halving
from kohort.searches.adaptive.samplers import Sampler

Evaluate = Callable[[list[Candidate]], None]
Score = Callable[[Candidate], float]


@dataclass
class Rounds:
    """In each round a number of candidates train as one cohort: those that were promoted, each to
    its next rung, and new ones in the free slots. Then every rung is judged, in its own order.

    Parameters
    ----------
    sampler : Sampler
    halving : Halving or None
        None lets every candidate train to its end.
    slots : int
        Candidates that train at a time.
    most : int
        Candidates in all.
    folds : int

    Attributes
    ----------
    candidates : list of Candidate
        All so far.
    """

    sampler: Sampler
    halving: Halving | None
    slots: int
    most: int
    folds: int
    candidates: list[Candidate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rows = [FoldRows() for _ in range(self.folds)]

    def run(self, evaluate: Evaluate, score: Score) -> None:
        """Train and judge until no candidate is left.

        Parameters
        ----------
        evaluate : callable
            Trains candidates up to `until` and scores them.
        score : callable
            A candidate's mean score, greater is better.
        """
        going: list[Candidate] = []
        while batch := [*going, *self._new(self.slots - len(going))]:
            evaluate(batch)
            going = self._judged(batch, score)

    def described(self, batch: list[Candidate]) -> str:
        """A line on the candidates that a round is about to train."""
        going = Counter(candidate.rung for candidate in batch)
        parts = [f"{going.pop(0, 0)} candidates begin"]
        parts += [
            f"{count} go on to {self.halving.epochs(rung)} epochs"
            for rung, count in sorted(going.items())
            if self.halving is not None
        ]
        return f"{', '.join(parts)}; {len(self.candidates)} of {self.most} so far."

    def until(self, candidate: Candidate) -> int | None:
        """Up to which epoch a candidate trains now; None for its end."""
        return None if self.halving is None else self.halving.epochs(candidate.rung)

    def _new(self, room: int) -> list[Candidate]:
        first = len(self.candidates)
        for number in range(first, min(self.most, first + room)):
            parameters = self.sampler.ask()
            if parameters is None:
                break
            self.candidates.append(Candidate(number, parameters, self._rows))
        return self.candidates[first:]

    def _judged(self, batch: list[Candidate], score: Score) -> list[Candidate]:
        """Those that go on; the others have ended, or are pruned."""
        scores = {candidate.number: score(candidate) for candidate in batch}
        if self.halving is None:
            for candidate in batch:
                self._end(candidate, scores[candidate.number], pruned=False)
            return []
        for candidate in batch:
            number = candidate.number
            self.halving.enter(candidate.rung, number, scores[number], candidate.ended)
        going = []
        for candidate in batch:
            value = scores[candidate.number]
            self.sampler.report(candidate.number, self.halving.epochs(candidate.rung), value)
            if not candidate.ended and self.halving.promotes(candidate.rung, candidate.number):
                candidate.rung += 1
                going.append(candidate)
            else:
                self._end(candidate, value, pruned=not candidate.ended)
        return going

    def _end(self, candidate: Candidate, score: float, pruned: bool) -> None:
        candidate.close()
        self.sampler.end(candidate.number, score, pruned or math.isnan(score))

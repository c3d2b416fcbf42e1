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
    """In each round a number of candidates train as one cohort: those that may go on, each to its
    next rung, and new ones in the free slots. The others pause until they may go on, or no longer
    can.

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
        self._scores: dict[int, float] = {}
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
        while batch := self._next():
            evaluate(batch)
            self._judge(batch, score)
            self._prune()

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

    @property
    def _more(self) -> int:
        """How many candidates have yet to begin."""
        return self.most - len(self.candidates)

    def _next(self) -> list[Candidate]:
        """Those that train in the next round."""
        going = self._going_on()
        batch = [*going, *self._new(self.slots - len(going))]
        return batch or self._going_on()  # The sampler may just have said that it has no more.

    def _going_on(self) -> list[Candidate]:
        if self.halving is None:
            return []
        going = []
        for rung, number in self.halving.due(self._more)[: self.slots]:
            self.halving.leave(number)
            candidate = self.candidates[number]
            candidate.rung = rung + 1
            going.append(candidate)
        return going

    def _new(self, room: int) -> list[Candidate]:
        first = len(self.candidates)
        for number in range(first, min(self.most, first + room)):
            parameters = self.sampler.ask()
            if parameters is None:
                self.most = number
                break
            self.candidates.append(Candidate(number, parameters, self._rows))
        return self.candidates[first:]

    def _judge(self, batch: list[Candidate], score: Score) -> None:
        """Take in the scores of a round; candidates without an epoch left end."""
        self._scores |= {candidate.number: score(candidate) for candidate in batch}
        for candidate in batch:
            ended, value = candidate.ended, self._scores[candidate.number]
            if self.halving is not None:
                self.halving.enter(candidate.rung, candidate.number, value, ended)
                self.sampler.report(candidate.number, self.halving.epochs(candidate.rung), value)
            if ended:
                self._end(candidate, pruned=False)

    def _prune(self) -> None:
        """End those that can no longer go on: what is paused keeps weights and optimizer states."""
        if self.halving is None:
            return
        for number in self.halving.lost(self._more):
            self.halving.leave(number)
            self._end(self.candidates[number], pruned=True)

    def _end(self, candidate: Candidate, pruned: bool) -> None:
        score = self._scores[candidate.number]
        candidate.close()
        self.sampler.end(candidate.number, score, pruned or math.isnan(score))

"""Where candidates come from: the interface of a sampler, and scikit-learn's own."""

from __future__ import annotations

from typing import Any, Protocol

from sklearn.model_selection import ParameterSampler

from kohort.arrays import RandomStateLike, SpaceLike


class Sampler(Protocol):
    """Gives candidates, numbered from 0, and takes their scores."""

    def ask(self) -> dict[str, Any] | None:
        """Parameters of the next candidate; None if there is none left."""
        ...

    def report(self, number: int, epochs: int, score: float) -> None:
        """Take in the score of a candidate after `epochs` epochs; greater is better."""
        ...

    def end(self, number: int, score: float, pruned: bool) -> None:
        """Take in that a candidate has ended, or was pruned, with this score."""
        ...


class RandomSampler:
    """Candidates of scikit-learn's `ParameterSampler`, which learns nothing from their scores.

    Parameters
    ----------
    space : dict or list of dict
        As `RandomizedSearchCV` takes it.
    candidates : int
        How many.
    random_state : int, RandomState instance or None
    """

    def __init__(self, space: SpaceLike, candidates: int, random_state: RandomStateLike) -> None:
        self._left = iter(ParameterSampler(space, candidates, random_state=random_state))

    def ask(self) -> dict[str, Any] | None:
        """Parameters of the next candidate; None if there is none left."""
        return next(self._left, None)

    def report(self, number: int, epochs: int, score: float) -> None:
        """Nothing is learnt."""

    def end(self, number: int, score: float, pruned: bool) -> None:
        """Nothing is learnt."""

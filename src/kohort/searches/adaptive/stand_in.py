"""The stand-in that scikit-learn's search clones in place of the estimator: fits under way."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from typing import Any

from sklearn.base import clone

from kohort.arrays import Estimator


class StandIn:
    """A copy of an estimator whose clones the search chooses, in the order in which
    scikit-learn asks for them: candidate by candidate, fold by fold.

    It goes by `__sklearn_clone__`, scikit-learn's protocol for objects that clone themselves.

    Parameters
    ----------
    given : estimator

    Attributes
    ----------
    given, estimator : estimator
        The original, and the copy that scikit-learn clones.
    """

    def __init__(self, given: Estimator) -> None:
        self.given = given
        self._next: deque[Callable[[], Estimator]] = deque()
        self._begun = False
        self.estimator: Any = copy.copy(given)
        self.estimator.__sklearn_clone__ = self._cloned

    def expect(self, makers: list[Callable[[], Estimator]]) -> None:
        """Let the next clones be the results of these functions."""
        self._begun = True
        self._next = deque(makers)

    def _cloned(self) -> Any:
        if self._next:
            return self._next.popleft()()
        # First scikit-learn makes a clone of which it clones all others; last it fits the best.
        return clone(self.given) if self._begun else self.estimator

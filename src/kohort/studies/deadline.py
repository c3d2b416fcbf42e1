"""How much time a study has left, by a clock that may be another one in tests."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """The moment that measuring has to end at.

    Parameters
    ----------
    seconds : float
        From now.
    clock : callable, default=time.perf_counter
        Gives the time in seconds.

    Examples
    --------
    >>> hours = iter([0.0, 1.0, 8.0])
    >>> deadline = Deadline(5.0, lambda: next(hours))
    >>> deadline.allows(4.0), deadline.over
    (True, True)
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._at = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds until then; negative after it."""
        return self._at - self.clock()

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return self.left < 0

    def allows(self, seconds: float) -> bool:
        """Whether something that takes so long would end in time."""
        return self.left >= seconds

    def part(self, share: float) -> Deadline:
        """The end of a share of the time that is left."""
        return Deadline(share * self.left, self.clock)

    def before(self, seconds: float) -> Deadline:
        """A moment that is this number of seconds earlier."""
        return Deadline(self.left - seconds, self.clock)

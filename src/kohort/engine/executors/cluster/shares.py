"""Which members travel together, and how many of them: guided self-scheduling.

Each errand takes a fixed share of the work that waits, divided by the places: large portions at
first, small ones near the end, so that slow machines hold the others up little. Source: C. D.
Polychronopoulos and D. J. Kuck, "Guided self-scheduling", IEEE Transactions on Computers C-36
(1987), 1425-1439.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field

from kohort.engine import plan
from kohort.engine.fit import Fit
from kohort.engine.structure import Structure

SHARES = 3
"""Portions per place into which waiting fits are divided; one if members fill an accelerator."""

SHORTEST, LONGEST = 0.25, 20.0
"""Seconds of a core's work: less than the first is mostly overhead, more is lost with a machine."""

BLIND = 4
"""Members per core while nothing has ended from which a speed could be told."""

Floor = Callable[[Structure, int], int]
"""`floor(structure, waiting)`: the least number of members of a program, of those waiting."""


@dataclass
class _Queue:
    structure: Structure
    fits: deque[Fit] = field(default_factory=deque)
    cost: float = 0.0
    errands: int = 0

    @property
    def urgency(self) -> float:
        """Work that waits, shared between those who would do it."""
        return self.cost / (1 + self.errands)


class Waiting:
    """Members that wait for an errand, by structure.

    Parameters
    ----------
    cores : int
        CPU threads of one errand.
    floor : callable
    accelerated : bool
        Whether members fill an accelerator, not cores.

    Examples
    --------
    >>> len(Waiting(1, lambda structure, waiting: 1, False))
    0
    """

    def __init__(self, cores: int, floor: Floor, accelerated: bool) -> None:
        self._cores, self._floor, self._accelerated = cores, floor, accelerated
        self._queues: dict[Hashable, _Queue] = {}
        self._company: dict[Fit, int] = {}
        self._deaths: Counter[Fit] = Counter()

    def __len__(self) -> int:
        return sum(len(queue.fits) for queue in self._queues.values())

    def _queue(self, fit: Fit) -> _Queue:
        structure = plan.structure_of(fit.member)
        return self._queues.setdefault(structure.group, _Queue(structure))

    def add(self, fits: Iterable[Fit]) -> None:
        """Let fits wait behind those that wait already."""
        for fit in fits:
            queue = self._queue(fit)
            queue.fits.append(fit)
            queue.cost += plan.cost_of(fit.member)

    def remove(self, fits: Collection[Fit]) -> None:
        """Forget some fits."""
        for queue in self._queues.values():
            kept = deque(fit for fit in queue.fits if fit not in fits)
            if len(kept) < len(queue.fits):
                queue.fits, queue.cost = kept, sum(plan.cost_of(fit.member) for fit in kept)

    def take(self, places: int, speed: float | None) -> list[Fit]:
        """The fits of the next errand.

        Parameters
        ----------
        places : int
            Errands that can run at once, >= 1.
        speed : float or None
            Cost (`kohort.engine.plan.cost_of`) that a core works off in a second, if known.
        """
        busy = [queue for queue in self._queues.values() if queue.fits]
        queue = max(busy, key=lambda queue: queue.urgency)
        work = self._work(places, speed)
        share = max(1, places // len(busy))
        floor = self._cores * self._floor(queue.structure, -(-len(queue.fits) // share))
        most = len(queue.fits)
        if speed is None and not self._accelerated:
            most = max(floor, BLIND * self._cores)
        batch: list[Fit] = []
        while queue.fits and len(batch) < most and (work > 0 or len(batch) < floor):
            company = self._company.get(queue.fits[0], most)
            if batch and len(batch) >= company:
                break
            most = min(most, company)
            batch.append(fit := queue.fits.popleft())
            cost = plan.cost_of(fit.member)
            work, queue.cost = work - cost, queue.cost - cost
        queue.errands += 1
        return batch

    def _work(self, places: int, speed: float | None) -> float:
        """Cost of the next errand."""
        whole = sum(queue.cost for queue in self._queues.values())
        if self._accelerated:
            return whole / places
        work = whole / (SHARES * places)
        if speed is not None:
            work = max(speed * SHORTEST, min(speed * LONGEST, work)) * self._cores
        return work

    def over(self, batch: list[Fit]) -> None:
        """Note that an errand runs no more."""
        self._queue(batch[0]).errands -= 1

    def again(self, training: Collection[Fit], untouched: Iterable[Fit], most: int) -> list[Fit]:
        """Let fits of an errand that died wait again, before all others.

        Any of those that trained may have caused the death. They train in smaller groups each time,
        until each is alone: so a fit that kills its process is told from its neighbours.

        Parameters
        ----------
        training : collection of Fit
            Those that trained when it died.
        untouched : iterable of Fit
            Those that had not begun.
        most : int
            Deaths alone that a fit may cause.

        Returns
        -------
        list of Fit
            Fits that have died alone too often; they do not wait.
        """
        given_up: list[Fit] = []
        back = list(untouched)
        for fit in training:
            self._company[fit] = max(1, len(training) // 8)
            self._deaths[fit] += len(training) == 1
            (given_up if self._deaths[fit] > most else back).append(fit)
        for fit in reversed(back):
            queue = self._queue(fit)
            queue.fits.appendleft(fit)
            queue.cost += plan.cost_of(fit.member)
        return given_up

    def ended(self, fit: Fit) -> None:
        """Forget what is known of a fit."""
        self._company.pop(fit, None)
        self._deaths.pop(fit, None)

"""Batch sizes that are compiled and timed in turns, and estimates for those that are not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kohort.arrays import Floats
from kohort.deferred import jax, pd
from kohort.engine.compilers.current import slots_of
from kohort.engine.member import Member
from kohort.engine.memory import footprint
from kohort.engine.plan import structure_of
from kohort.studies.deadline import Deadline
from kohort.studies.throughput import training_speed

MARGIN = 0.9
"""Share of the memory that programs may take."""
_MANY = 1024
_FIRST, _SECOND = 32, 256
_SECONDS = 0.1
_LEAST_ROUNDS, _ROUNDS = 3, 12
_STILL, _GAIN = 2, 1.02
"""Rounds in a row that find no size faster than by this factor, and are the last."""


@dataclass
class Trial:
    """One batch size that was compiled.

    Attributes
    ----------
    batch_size : int
    one, each : float
        Bytes of a program of one member, and of each further one.
    slots : int
        Members of a program on each device.
    alone, cohort : float
        Rows per second of one member and of all; the best of several turns, since what else runs
        on the machine can only make a turn slower.
    """

    batch_size: int
    one: float
    each: float
    slots: int
    alone: float = 0.0
    cohort: float = 0.0

    def __str__(self) -> str:
        return (
            f"batch size {self.batch_size}: {self.one / 2**20:.1f} MiB, {self.alone:,.0f} rows "
            "per second"
        )


def silent(found: object) -> None:
    """Tell nothing of findings as they come."""


def in_turn(sizes: Sequence[int]) -> list[int]:
    """Sizes in the order in which they are tried: after each, those tried span and divide most.

    Examples
    --------
    >>> in_turn([8, 16, 32, 64, 128, 256, 512])
    [32, 256, 8, 512, 64, 16, 128]
    """
    ends = [size for size in (_FIRST, _SECOND) if size in sizes] or [sizes[0], sizes[-1]]
    order = list(dict.fromkeys([*ends, sizes[0], sizes[-1]]))
    while len(order) < len(sizes):
        places = sorted(sizes.index(size) for size in order)
        gaps = [high - low for low, high in itertools.pairwise(places)]
        widest = int(np.argmax(gaps))
        order.append(sizes[places[widest] + gaps[widest] // 2])
    return order


class Trials:
    """Tries batch sizes of a fit until time is used up, and estimates the others.

    Parameters
    ----------
    member_of : callable
        Gives the member that trains with a batch size.
    sizes : sequence of int
        Ascending.
    devices : list of jax.Device
        One entry per thread.
    memory : int
        Bytes.
    deadline : Deadline
        The first size is compiled and timed in any case; a further one, and programs of several
        members, only if that is likely to end in time.
    tell : callable, default=silent
        Is given each `Trial` that has been timed.

    Attributes
    ----------
    longest : float
        Seconds that the size which took longest has taken.
    """

    def __init__(
        self,
        member_of: Callable[[int], Member],
        sizes: Sequence[int],
        devices: list[jax.Device],
        memory: int,
        deadline: Deadline,
        tell: Callable[[Trial], None] = silent,
    ) -> None:
        self._member_of, self._devices, self._tell = member_of, devices, tell
        self._deadline = deadline
        self._sizes, self._usable = list(sizes), memory * MARGIN
        self._waiting = in_turn(self._sizes)
        self.longest = 0.0
        self._found: dict[int, Trial] = {}

    def run(self, most: int | None = None) -> None:
        """Compile and time further sizes up to a number of them, while there is time."""
        tried = 0
        while self._waiting and (most is None or tried < most):
            if self._found and not self._deadline.allows(self.longest):
                return
            begin = self._deadline.left
            tried += self._try(self._waiting.pop(0))
            self.longest = max(self.longest, begin - self._deadline.left)

    def repeat(self) -> None:
        """Time each size again, in turns, while there is time and a turn still shows more.

        On a quiet machine that is three rounds. On a busy one each turn is slower by another
        factor, and it takes more of them until every size had its quiet moment.
        """
        still = 0
        for done in range(_ROUNDS):
            gained = False
            for trial in self._found.values():
                if not self._deadline.allows(4 * _SECONDS):
                    return
                gained |= self._time(trial)
            still = 0 if gained else still + 1
            if done + 1 >= _LEAST_ROUNDS and still >= _STILL:
                return

    def _try(self, size: int) -> bool:
        """Compile a size and time it, if it fits the memory."""
        member, device = self._member_of(size), self._devices[0]
        structure = structure_of(member)
        begin = self._deadline.left
        streamed = member.rows.streamed
        one = footprint(structure, 1, device, streamed=streamed).total
        compiling = begin - self._deadline.left
        if one > self._usable:
            self._sizes = [other for other in self._sizes if other < size]
            self._waiting = [other for other in self._waiting if other < size]
            return False
        slots = slots_of(structure, _MANY, device, streamed=streamed)
        if not self._deadline.allows(compiling):
            slots = 1
        many = footprint(structure, slots, device, streamed=streamed).total if slots > 1 else one
        while slots > 1 and many * len(self._devices) > self._usable:
            slots //= 2
            many = footprint(structure, slots, device, streamed=streamed).total
        each = (many - one) / (slots - 1) if slots > 1 else one
        self._found[size] = Trial(size, one, each, slots)
        self._time(self._found[size])
        self._tell(self._found[size])
        return True

    def _time(self, trial: Trial) -> bool:
        """Time a size once more; whether that showed it to be faster than it was thought to be."""
        member = self._member_of(trial.batch_size)
        alone = training_speed(member, 1, self._devices[:1], _SECONDS).rows_per_second
        cohort = training_speed(member, trial.slots, self._devices, _SECONDS).rows_per_second
        gained = alone > _GAIN * trial.alone or cohort > _GAIN * trial.cohort
        trial.alone, trial.cohort = max(trial.alone, alone), max(trial.cohort, cohort)
        return gained

    def table(self) -> pd.DataFrame:
        """A row per batch size up to the largest that fits, also for those that were not tried.

        Bytes grow with the batch size along a line, and the time of a step along a line of
        logarithms: they are read from those of the neighbours that were tried.
        """
        known = sorted(self._found.values(), key=lambda trial: trial.batch_size)
        if not known:
            return pd.DataFrame()
        sizes = np.array(self._sizes, float)
        tried = np.array([trial.batch_size for trial in known], float)
        one = _line(sizes, tried, np.array([trial.one for trial in known]))
        each = _line(sizes, tried, np.array([trial.each for trial in known]))
        fits = one <= self._usable
        rows = []
        for place in np.flatnonzero(fits):
            size = self._sizes[place]
            nearest = min(known, key=lambda trial: abs(np.log2(trial.batch_size / size)))
            room = self._usable / len(self._devices) - one[place]
            most = int(1 + max(0, room) // max(1, each[place]))
            slots = nearest.slots if size in self._found else min(nearest.slots, most)
            count = len(self._devices)
            rows.append(
                {
                    "batch_size": size,
                    "tried": size in self._found,
                    "bytes": int(one[place]),
                    "rows_per_second": _speed(size, known, [trial.alone for trial in known]),
                    "members": slots * count,
                    "cohort_bytes": int(one[place] + (slots - 1) * each[place]) * count,
                    "cohort_rows_per_second": _speed(
                        size, known, [trial.cohort for trial in known]
                    ),
                    "most_members": int(
                        1 + max(0, self._usable - one[place]) // max(1, each[place])
                    ),
                }
            )
        return pd.DataFrame(rows)


def _line(at: Floats, known: Floats, values: Floats) -> Floats:
    """Values between known ones, and on the line through the last two beyond them."""
    if len(known) == 1:
        return values[0] * np.maximum(at / known[0], 1.0)
    result = np.interp(at, known, values)
    for edge, inner, outside in ((0, 1, at < known[0]), (-1, -2, at > known[-1])):
        slope = (values[edge] - values[inner]) / (known[edge] - known[inner])
        result[outside] = values[edge] + slope * (at[outside] - known[edge])
    return np.maximum(result, 1.0)


def _speed(size: int, known: list[Trial], speeds: list[float]) -> float:
    """Rows per second of a batch size, from the times of a step with those that were tried."""
    tried = np.log([trial.batch_size for trial in known])
    steps = tried - np.log(speeds)
    at = float(np.log(size))
    if len(known) == 1:
        return speeds[0]
    step = float(np.interp(at, tried, steps))
    for edge, inner, outside in ((0, 1, at < tried[0]), (-1, -2, at > tried[-1])):
        if outside:  # A step of more rows takes longer, but no longer than in proportion.
            slope = (steps[edge] - steps[inner]) / (tried[edge] - tried[inner])
            step = float(steps[edge] + min(max(slope, 0.0), 1.0) * (at - tried[edge]))
    return float(size / np.exp(step))

"""Rows per second of the real training program, host included."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from kohort.engine.fit import Fit
from kohort.engine.member import Member
from kohort.engine.plan import structure_of
from kohort.engine.population import Runner

_FOREVER = 10**6


class _Clock:
    """Ends a run after some seconds; what is before the second chunk does not count."""

    def __init__(self, seconds: float, fits: list[Fit]) -> None:
        self._seconds, self._fits = seconds, fits
        self._calls, self._begin, self._done = 0, 0.0, 0
        self.rate = 0.0

    def __call__(self) -> bool:
        self._calls += 1
        now, done = time.perf_counter(), sum(_rows(fit) for fit in self._fits)
        if self._calls <= 2:
            self._begin, self._done = now, done
            return False
        self.rate = (done - self._done) / (now - self._begin)
        return now - self._begin > self._seconds


def _rows(fit: Fit) -> int:
    """Rows that a fit has trained on."""
    return fit.epoch * fit.member.size + fit.cursor * fit.member.recipe.batch_size


def _endless(member: Member) -> Member:
    """A member that stays where it is: no validation, no callback, a learning rate of 0."""
    recipe = replace(member.recipe, epochs=_FOREVER, early_stopping=False, schedule="constant")
    return replace(member, recipe=recipe, validation=None, on_epoch=None, rate=0.0, first_epoch=0)


def rows_per_second(member: Member, slots: int, devices: list[Any], seconds: float = 0.3) -> float:
    """Rows per second of copies of a member, so many on each of the devices at once.

    Parameters
    ----------
    member : Member
    slots : int
        Copies on each device.
    devices : list of jax.Device
        One entry per thread.
    seconds : float
        How long to measure, > 0.
    """
    structure = structure_of(member)
    clocks = []
    threads = []
    for device in devices:
        fits = [Fit(_endless(member)) for _ in range(slots)]
        waiting = list(fits)
        clock = _Clock(seconds, fits)
        runner = Runner(structure, slots, device, _popping(waiting), _ignore)
        clocks.append(clock)
        threads.append(threading.Thread(target=runner.run, args=(clock,), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(clock.rate for clock in clocks)


def _popping(waiting: list[Fit]) -> Any:
    return lambda: waiting.pop() if waiting else None


def _ignore(fit: Fit) -> None:
    """What becomes of the copies does not matter."""

"""Rows per second of the real training program, host and reading of files included."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any, NamedTuple

from kohort.engine.fit import Fit
from kohort.engine.member import Member
from kohort.engine.plan import structure_of
from kohort.engine.population import Runner

_FOREVER = 10**6


class Speed(NamedTuple):
    """How fast a program trains.

    Attributes
    ----------
    rows_per_second : float
    idle : float
        Share of the time in which it waits for rows from files, in [0, 1].
    """

    rows_per_second: float
    idle: float


class _Clock:
    """Ends a run after some seconds; time before the second chunk does not count."""

    def __init__(self, seconds: float, fits: list[Fit]) -> None:
        self._seconds, self._fits = seconds, fits
        self._calls, self._begin, self._done, self._waited = 0, 0.0, 0, 0.0
        self.speed = Speed(0.0, 0.0)

    def __call__(self) -> bool:
        self._calls += 1
        now, done = time.perf_counter(), sum(_rows(fit) for fit in self._fits)
        waited = sum(fit.waited for fit in self._fits)
        if self._calls <= 2:
            self._begin, self._done, self._waited = now, done, waited
            return False
        passed = now - self._begin
        self.speed = Speed((done - self._done) / passed, (waited - self._waited) / passed)
        return now - self._begin > self._seconds


def _rows(fit: Fit) -> int:
    """Rows that a fit has trained on."""
    return fit.epoch * fit.member.size + fit.cursor * fit.member.batch


def _endless(member: Member) -> Member:
    """A member that stays where it is: no validation, no callback, a learning rate of 0."""
    return replace(
        member, epochs=_FOREVER, stopping=None, pace=member.pace.steady().at(0.0), validation=None,
        on_epoch=None, first_epoch=0,
    )  # fmt: skip


def training_speed(member: Member, slots: int, devices: list[Any], seconds: float = 0.3) -> Speed:
    """Speed of copies of a member, `slots` of them on each of the devices at once.

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
    speeds = [clock.speed for clock in clocks]
    idle = sum(speed.idle for speed in speeds) / len(speeds)
    return Speed(sum(speed.rows_per_second for speed in speeds), idle)


def _popping(waiting: list[Fit]) -> Any:
    return lambda: waiting.pop() if waiting else None


def _ignore(fit: Fit) -> None:
    """Do nothing: the results of the copies do not matter."""

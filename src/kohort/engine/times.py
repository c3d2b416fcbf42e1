"""Seconds of training threads, by what they were spent on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Seconds, added up over training threads.

    Attributes
    ----------
    compile : float
        Asking for programs: compiling them, or reading them from the cache.
    train : float
        Inside programs: training steps and validation.
    host : float
        All else that a busy thread does: gathering batches, histories, callbacks.
    """

    compile: float = 0.0
    train: float = 0.0
    host: float = 0.0

    def __add__(self, other: Times) -> Times:
        return Times(self.compile + other.compile, self.train + other.train, self.host + other.host)

    def __sub__(self, other: Times) -> Times:
        return self + Times(-other.compile, -other.train, -other.host)


class Stopwatch:
    """Times one thread's work from now on; what is not named otherwise is `host`."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._spent = {"compile": 0.0, "train": 0.0}

    @contextmanager
    def spent_on(self, kind: str) -> Iterator[None]:
        """Count the block's seconds as `"compile"` or `"train"`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._spent[kind] += time.perf_counter() - start

    def times(self) -> Times:
        """What the seconds so far were spent on."""
        whole = time.perf_counter() - self._start
        return Times(**self._spent, host=whole - sum(self._spent.values()))

"""Seconds of training threads, by activity."""

from __future__ import annotations

import time
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


class _Span:
    """A context manager, of a class because a generator's would cost as much as a short call."""

    def __init__(self, spent: dict[str, float], kind: str) -> None:
        self._spent, self._kind = spent, kind

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self._spent[self._kind] += time.perf_counter() - self._start


class Stopwatch:
    """Times one thread's work from now on; seconds of no named activity are `host`."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._spent = {"compile": 0.0, "train": 0.0}

    def spent_on(self, kind: str) -> _Span:
        """Count a block's seconds as `"compile"` or `"train"`."""
        return _Span(self._spent, kind)

    def times(self) -> Times:
        """The seconds so far, by activity."""
        whole = time.perf_counter() - self._start
        return Times(**self._spent, host=whole - sum(self._spent.values()))

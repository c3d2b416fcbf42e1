"""Compiled programs, each built once per process and counted.

This is the only place that asks XLA to compile, so that a search can say how many programs it
needed, how long they took, and how many came from the cache of an earlier process.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
from jax.sharding import SingleDeviceSharding

Compiled = Callable[..., Any]

MOST_PROGRAMS = 256
"""Programs that a process keeps. One takes about 90 areas of memory on a CPU, of which Linux grants
a process 65,530; beyond that XLA ends the process.
"""

# LLVM's default, 3, compiles a quarter slower and runs narrow networks up to a third slower
# (docs/performance.md).
_CPU_OPTIONS: dict[str, Any] = {"xla_backend_optimization_level": 2}


@dataclass(frozen=True)
class Compilation:
    """One program that was asked for: its kind, the seconds it took, whether a cache had it."""

    kind: str
    seconds: float
    cached: bool


class _Programs:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._building: dict[Hashable, threading.Lock] = {}
        self._built: OrderedDict[Hashable, Compiled] = OrderedDict()
        self._watchers: list[list[Compilation]] = []
        self._thread = threading.local()
        jax.monitoring.register_event_listener(self._on_event)

    def get(self, key: Hashable) -> Compiled | None:
        with self._lock:
            if key in self._built:
                self._built.move_to_end(key)
            return self._built.get(key)

    def _keep(self, key: Hashable, program: Compiled) -> None:
        """Keep a program, and let those go that were not used for longest."""
        with self._lock:
            self._built[key] = program
            while len(self._built) > MOST_PROGRAMS:
                oldest, _ = self._built.popitem(last=False)
                self._building.pop(oldest, None)

    def build(
        self,
        key: Hashable,
        kind: str,
        function: Callable[[], Callable[..., Any]],
        arguments: tuple[Any, ...],
        donate: tuple[int, ...] = (),
        device: Any = None,
    ) -> Compiled:
        with self._lock:
            gate = self._building.setdefault(key, threading.Lock())
        with gate:
            program = self.get(key)
            if program is None:
                program = self._compile(kind, function(), arguments, donate, device)
                self._keep(key, program)
        return program

    def _compile(
        self,
        kind: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        donate: tuple[int, ...],
        device: Any,
    ) -> Compiled:
        start = time.perf_counter()
        self._thread.hits = 0
        place = None if device is None else SingleDeviceSharding(device)
        shapes = jax.tree.map(
            lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=place), arguments
        )
        options = _CPU_OPTIONS if jax.default_backend() == "cpu" else None
        lowered = jax.jit(function, donate_argnums=donate).lower(*shapes)
        program = lowered.compile(compiler_options=options)
        seconds = time.perf_counter() - start
        entry = Compilation(kind, seconds, self._thread.hits > 0)
        with self._lock:
            for log in self._watchers:
                log.append(entry)
        return program

    def _on_event(self, event: str, **details: Any) -> None:
        if event == "/jax/compilation_cache/cache_hits":
            self._thread.hits = getattr(self._thread, "hits", 0) + 1

    @contextmanager
    def watch(self) -> Iterator[list[Compilation]]:
        log: list[Compilation] = []
        with self._lock:
            self._watchers.append(log)
        try:
            yield log
        finally:
            with self._lock:
                self._watchers = [other for other in self._watchers if other is not log]


_programs = _Programs()


def program(
    key: Hashable,
    kind: str,
    function: Callable[[], Callable[..., Any]],
    arguments: tuple[Any, ...],
    donate: tuple[int, ...] = (),
    device: Any = None,
) -> Compiled:
    """The compiled program for `key`, compiling `function()` for the arguments' shapes if needed.

    Parameters
    ----------
    key : hashable
        Equal keys give the same program.
    kind : str
        What the program does, for `compilations`: `"train"`, `"evaluate"`, `"predict"`, `"probe"`.
    function : callable
        Builds the pure function; called only if the program does not exist yet.
    arguments : tuple of pytrees of arrays
    donate : tuple of int
        Arguments whose memory the program may reuse.
    device : jax.Device or None
        Where the program runs; None for JAX's default device.
    """
    return _programs.get(key) or _programs.build(key, kind, function, arguments, donate, device)


def exists(key: Hashable) -> bool:
    """Whether the program for `key` has been compiled in this process."""
    return _programs.get(key) is not None


def compilations() -> Any:
    """Context manager that yields a list, to which each compilation inside it is added.

    Examples
    --------
    >>> from kohort.engine.programs import compilations
    >>> with compilations() as log:
    ...     pass
    >>> log
    []
    """
    return _programs.watch()

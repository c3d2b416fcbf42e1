"""Compiling with XLA, counted.

This is the only place that asks XLA to compile, so that a search can say how many programs it
needed, how long they took, and how many came from the cache of an earlier process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from kohort.deferred import jax
from kohort.engine.program_folder import ProgramFolder
from kohort.runtime import require_own_process

Compiled = Callable[..., Any]

_LEVEL = "xla_backend_optimization_level"

# LLVM's default, 3, compiles a quarter slower and runs narrow networks up to a third slower
# (docs/performance.md).
_CPU_OPTIONS: dict[str, Any] = {_LEVEL: 2}


@dataclass(frozen=True)
class Compilation:
    """One program that was asked for: its kind, the seconds it took, whether a cache had it."""

    kind: str
    seconds: float
    cached: bool


class _Watch:
    """Open logs of compilations, and cache hits of each thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: list[list[Compilation]] = []
        self.thread = threading.local()
        self._listens = False

    def listen(self) -> None:
        """Hear of the cache's hits from now on."""
        with self._lock:
            if not self._listens:
                jax.monitoring.register_event_listener(self._on_event)
                self._listens = True

    def _on_event(self, event: str, **details: object) -> None:
        if event == "/jax/compilation_cache/cache_hits":
            self.thread.hits = getattr(self.thread, "hits", 0) + 1

    def add(self, entry: Compilation) -> None:
        with self._lock:
            for log in self._logs:
                log.append(entry)

    @contextmanager
    def logging(self) -> Iterator[list[Compilation]]:
        log: list[Compilation] = []
        with self._lock:
            self._logs.append(log)
        try:
            yield log
        finally:
            with self._lock:
                self._logs = [other for other in self._logs if other is not log]


_watch = _Watch()
_folder = ProgramFolder()


def compiler_options() -> dict[str, Any]:
    """Return kohort's own options for XLA; a level that `XLA_FLAGS` names is left as it is."""
    named = _LEVEL in os.environ.get("XLA_FLAGS", "")
    return {} if named or jax.default_backend() != "cpu" else _CPU_OPTIONS


def compiled(
    kind: str,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    donate: tuple[int, ...] = (),
    device: jax.Device | None = None,
) -> Compiled:
    """Compile a pure function for the shapes of its arguments, and tell every open log.

    Parameters
    ----------
    kind : str
        What the program does: `"train"`, `"evaluate"`, `"predict"`, `"probe"`.
    function : callable
    arguments : tuple of pytrees of arrays, or of their shapes and types
    donate : tuple of int
        Arguments whose memory the program may reuse.
    device : jax.Device or None
        Where the program runs; None for JAX's default device.

    Raises
    ------
    ForkedProcessError
        If JAX had started before this process was forked.
    """
    require_own_process()
    _watch.listen()
    start = time.perf_counter()
    _watch.thread.hits = 0
    place = None if device is None else jax.sharding.SingleDeviceSharding(device)
    shapes = jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=place), arguments
    )
    lowered = jax.jit(function, donate_argnums=donate).lower(*shapes)
    program: Compiled = _folder.compile(lowered, compiler_options())
    _watch.add(Compilation(kind, time.perf_counter() - start, _watch.thread.hits > 0))
    return program


def compilations() -> AbstractContextManager[list[Compilation]]:
    """Context manager that yields a list, to which each compilation inside it is added.

    Examples
    --------
    >>> from kohort.engine.programs import compilations
    >>> with compilations() as log:
    ...     pass
    >>> log
    []
    """
    return _watch.logging()

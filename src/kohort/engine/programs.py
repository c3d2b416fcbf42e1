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
from pathlib import Path
from typing import Any

from kohort.deferred import jax
from kohort.engine.content import NoContentError
from kohort.engine.executables import load, name_of, path_of, save
from kohort.engine.program_folder import ProgramFolder
from kohort.runtime import require_own_process

Compiled = Callable[..., Any]

_LEVEL = "xla_backend_optimization_level"

# LLVM's default, 3, compiles a quarter slower and runs narrow networks up to a third slower
# (docs/performance.md).
_CPU_OPTIONS: dict[str, Any] = {_LEVEL: 2}


@dataclass(frozen=True)
class Compilation:
    """One program that was asked for.

    Attributes
    ----------
    kind : str
    seconds : float
        From the question to the program.
    cached : bool
        Whether an earlier process had compiled it.
    traced : bool
        Whether its function was traced and lowered nevertheless.
    """

    kind: str
    seconds: float
    cached: bool
    traced: bool


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
    function: Callable[[], Callable[..., Any]],
    arguments: tuple[Any, ...],
    donate: tuple[int, ...] = (),
    device: jax.Device | None = None,
    content: object = None,
) -> Compiled:
    """Compile a pure function for the shapes of its arguments, and tell every open log.

    Parameters
    ----------
    kind : str
        Purpose of the program: `"train"`, `"evaluate"`, `"predict"`, `"probe"`.
    function : callable
        Builds the function; called only if it must be traced.
    arguments : tuple of pytrees of arrays, or of their shapes and types
    donate : tuple of int
        Arguments whose memory the program may reuse.
    device : jax.Device or None
        Where the program runs; None for JAX's default device.
    content : object
        Values that the function depends on, if they name it in every process: see `executables`.

    Raises
    ------
    ForkedProcessError
        If JAX had started before this process was forked.
    """
    require_own_process()
    _watch.listen()
    start = time.perf_counter()
    _watch.thread.hits = 0
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), arguments)
    path = None if content is None else _path(kind, content, shapes, donate, device)
    program: Compiled | None = None if path is None else load(path, shapes, _place(device))
    kept = program is not None
    if program is None:
        program = _compiled(function(), shapes, donate, device, path)
    cached = kept or _watch.thread.hits > 0
    _watch.add(Compilation(kind, time.perf_counter() - start, cached, traced=not kept))
    return program


def _place(device: jax.Device | None) -> jax.Device:
    return device or jax.local_devices()[0]


def _path(
    kind: str,
    content: object,
    shapes: tuple[object, ...],
    donate: tuple[int, ...],
    device: jax.Device | None,
) -> Path | None:
    """Where a program is kept; None where nothing is, or where this process alone can name it."""
    folder = _folder.path()
    if folder is None:
        return None
    forms = [(leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(shapes)]
    try:
        name = name_of(_place(device), compiler_options(), kind, content, forms, donate)
    except NoContentError:
        return None
    return path_of(folder, name)


def _compiled(
    function: Callable[..., Any],
    shapes: tuple[object, ...],
    donate: tuple[int, ...],
    device: jax.Device | None,
    path: Path | None,
) -> Compiled:
    """Trace, lower and compile; keep the program at a path, or in JAX's cache if that is None."""
    place = None if device is None else jax.sharding.SingleDeviceSharding(device)
    placed = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=place), shapes)
    lowered = jax.jit(function, donate_argnums=donate).lower(*placed)
    if path is None:
        program: Compiled = _folder.compile(lowered, compiler_options())
        return program
    program = lowered.compile(compiler_options=compiler_options())
    if not _watch.thread.hits:  # A program from JAX's own cache cannot be written again.
        save(path, program, shapes)
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

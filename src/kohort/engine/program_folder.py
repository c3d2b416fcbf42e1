"""Compiled programs that outlive their process: JAX's persistent cache, for kohort's alone.

JAX has one such cache in a process. It is opened while kohort compiles and then left as it was, so
that other JAX code keeps its own settings. A folder that somebody has chosen for JAX is used as it
is.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kohort.deferred import jax
from kohort.runtime import cache_folder

_DIRECTORY = "jax_compilation_cache_dir"
_RAISE = "jax_raise_persistent_cache_errors"
_ZSTD = b"\x28\xb5\x2f\xfd"


class ProgramFolder:
    """The folder of `runtime.cache_folder`, open as JAX's cache while anybody compiles with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._settings: dict[str, Any] = {}
        self._before: dict[str, Any] = {}

    def path(self) -> Path | None:
        """The folder; None where nothing is kept, or where somebody has chosen one for JAX."""
        with self._lock:
            chosen = self._before.get(_DIRECTORY) if self._settings else _chosen()
        return None if chosen else cache_folder()

    def compile(self, lowered: jax.stages.Lowered, options: dict[str, Any] | None) -> Any:
        """Compile a program, or take from the folder one that an earlier process has compiled.

        An entry that is damaged is removed, so that the program is written anew.
        """
        with self._open() as folder:
            try:
                return lowered.compile(compiler_options=options)
            except Exception:
                if folder is None:
                    raise
                _remove_damaged(folder, lowered)
                jax.config.update(_RAISE, False)  # Warnings tell of any further fault.
                return lowered.compile(compiler_options=options)

    @contextmanager
    def _open(self) -> Iterator[Path | None]:
        with self._lock:
            if self._users == 0:
                self._enter()
            self._users += 1
            folder = self._settings.get(_DIRECTORY)
        try:
            yield None if folder is None else Path(folder)
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._leave()

    def _enter(self) -> None:
        folder = cache_folder()
        if folder is None or _chosen():
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return  # A read-only home folder costs compile time, not a failure.
        self._settings = {
            _DIRECTORY: str(folder),
            "jax_persistent_cache_min_compile_time_secs": 0.0,
            "jax_persistent_cache_min_entry_size_bytes": -1,
            _RAISE: True,
        }
        self._before = {name: getattr(jax.config, name) for name in self._settings}
        self._set(self._settings)

    def _leave(self) -> None:
        if self._settings:
            self._settings = {}
            self._set(self._before)

    def _set(self, settings: dict[str, Any]) -> None:
        for name, value in settings.items():
            jax.config.update(name, value)
        from jax.experimental.compilation_cache import compilation_cache

        compilation_cache.reset_cache()  # It keeps the folder that it was first used with.


def _chosen() -> Any:
    """The folder that JAX's settings name."""
    return getattr(jax.config, _DIRECTORY)


def _remove_damaged(folder: Path, lowered: jax.stages.Lowered) -> None:
    """Remove entries of a program's name that cannot be unpacked."""
    found = re.match(r"module @(\w+)", lowered.as_text())
    for path in folder.glob(f"{found[1]}-*-cache") if found else ():
        with suppress(OSError):
            if _is_damaged(path.read_bytes()):
                path.unlink(missing_ok=True)


def _is_damaged(content: bytes) -> bool:
    """Whether an entry cannot be unpacked; JAX packs with Zstandard where that is installed."""
    try:
        if content.startswith(_ZSTD):
            import zstandard

            zstandard.ZstdDecompressor().decompress(content)
        else:
            zlib.decompress(content)
    except Exception:  # Of kinds that those packages have of their own.
        return True
    return False

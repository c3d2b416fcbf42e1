"""The process that kohort runs in: Keras's backend, XLA's threads, the compilation cache.

`prepare` runs once, when `kohort` is imported and before anything imports Keras or starts JAX.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from kohort.errors import BackendError, ForkedProcessError

_LOSSES = "kohort.estimators.dense.keras_losses"

# One program per core beats one program on all cores, so each program keeps to its own thread.
_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"


def prepare() -> None:
    """Choose JAX for Keras and one thread per program for XLA, without importing either."""
    _choose_backend()
    _register_losses()
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_cpu_multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_ONE_THREAD}".strip()


def _choose_backend() -> None:
    """JAX, unless Keras runs on another backend already: its models then train in its own loop."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "jax"


def imported(name: str) -> ModuleType | None:
    """Return a module that has been imported to its end; None if nobody has, or is still at it."""
    module = sys.modules.get(name)
    unfinished = getattr(getattr(module, "__spec__", None), "_initializing", False)
    return None if unfinished else module


class _AfterKeras(MetaPathFinder):
    """Registers kohort's losses with Keras as soon as anyone has imported Keras."""

    _looking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "keras" or self._looking:
            return None
        self._looking = True
        try:
            spec = find_spec(name)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                    import_module(_LOSSES)

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register_losses() -> None:
    """Let Keras load models that have losses of kohort's, without importing Keras for it."""
    if "keras" in sys.modules:
        import_module(_LOSSES)
    else:
        sys.meta_path.insert(0, _AfterKeras())


def floatx() -> str:
    """Return Keras's `floatx`; while nobody has imported Keras, that of its configuration file."""
    keras = imported("keras")
    if keras is not None:
        return str(keras.config.floatx())
    home = os.environ.get("KERAS_HOME") or Path("~", ".keras").expanduser()
    try:
        return str(json.loads(Path(home, "keras.json").read_text(encoding="utf-8"))["floatx"])
    except (OSError, ValueError, KeyError, TypeError):
        return "float32"


def keras_backend() -> str:
    """Return Keras's backend: JAX while nobody has imported Keras, since `prepare` chose it."""
    keras = imported("keras")
    return "jax" if keras is None else str(keras.backend.backend())


def require_jax() -> None:
    """Refuse to train a network of kohort's own where Keras runs on another backend.

    Raises
    ------
    BackendError
    ForkedProcessError
    """
    require_own_process()
    backend = keras_backend()
    if backend != "jax":
        raise BackendError(
            f"kohort trains on JAX, but Keras was imported with the {backend!r} backend. "
            'Import kohort before keras, or set os.environ["KERAS_BACKEND"] = "jax" before '
            "the first import of keras, and start Python again."
        )


_forked_from = 0
"""Process that had started JAX when this one was forked from it; 0 if there is none."""


def require_own_process() -> None:
    """Refuse to compute in a process that was forked from one in which JAX had started.

    The threads that JAX computes with do not exist in such a process: it would wait for ever.

    Raises
    ------
    ForkedProcessError
    """
    if _forked_from:
        raise ForkedProcessError(
            f"Process {os.getpid()} was forked from process {_forked_from}, which had trained or "
            "predicted, or used JAX otherwise; JAX cannot compute in both. Start processes with "
            'multiprocessing.get_context("spawn"), or train and predict only after the fork: '
            "gunicorn without --preload, Celery with --pool=threads or solo."
        )


def _note_fork() -> None:
    """In a forked process: remember whether JAX had started before.

    `backends_are_initialized` is the one private name used (JAX 0.7 to 0.10); without it, every
    process that has imported JAX counts as one that uses it.
    """
    global _forked_from
    bridge = sys.modules.get("jax._src.xla_bridge")
    if _forked_from or bridge is None:
        return
    if getattr(bridge, "backends_are_initialized", lambda: True)():
        _forked_from = os.getppid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def cache_folder() -> Path | None:
    """Folder of the compiled programs, or None when `KOHORT_CACHE=off`.

    `KOHORT_CACHE` names another folder; the default is `kohort/programs` in the user's cache
    folder (`XDG_CACHE_HOME`, `~/Library/Caches` or `%LOCALAPPDATA%`).
    """
    chosen = os.environ.get("KOHORT_CACHE", "")
    if chosen.lower() == "off":
        return None
    if chosen:
        try:
            return Path(chosen).expanduser()
        except RuntimeError:  # The folder of a user whom the system does not know.
            return None
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "kohort" / "programs"

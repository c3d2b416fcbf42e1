"""State that Python keeps for a whole process or thread, and that a parked task takes along.

`warnings.catch_warnings`, `sklearn.config_context` and `joblib.parallel_config` save and restore
state and assume that blocks nest; a random generator assumes that one task draws at a time. Tasks
that park inside such a block (scikit-learn opens three around each) do not nest, so each takes
its state with it and finds it again.

Private names, each the only way to reach what a public function changes: `_showwarnmsg_impl` of
`warnings` (CPython 3.11 to 3.13), `_backend` of `joblib.parallel` (joblib 1.5 and 1.6), the two
trackers of Keras's `global_state` (Keras 3.10 to 3.15).
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import sklearn

_WARNINGS = ("filters", "showwarning", "_showwarnmsg_impl")
_TRACKERS = ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER")


@dataclass(frozen=True)
class Surroundings:
    """Warning filters, scikit-learn's settings and joblib's backend."""

    filters: tuple[object, ...]
    settings: Mapping[str, object]
    backend: Mapping[str, object]

    @classmethod
    def now(cls) -> Surroundings:
        """Those of the calling thread."""
        filters = tuple(getattr(warnings, name) for name in _WARNINGS)
        return cls(filters, sklearn.get_config(), dict(vars(joblib.parallel._backend)))

    def restore(self) -> None:
        """Make them those of the calling thread; the filters are those of the process."""
        for name, value in zip(_WARNINGS, self.filters, strict=True):
            setattr(warnings, name, value)
        with warnings.catch_warnings():
            pass  # Entering tells the interpreter that the filters have changed.
        if sklearn.get_config() != self.settings:
            sklearn.set_config(**self.settings)
        _refill(joblib.parallel._backend, self.backend)


@dataclass(frozen=True)
class Randomness:
    """The states of `random` and `numpy.random`, and Keras's seeds and names."""

    python: tuple[Any, ...]
    numpy: Mapping[str, object]
    keras: tuple[Mapping[str, object], ...]

    @classmethod
    def now(cls) -> Randomness:
        """Those of the process; Keras's are the calling thread's."""
        keras = tuple(dict(vars(tracker)) for tracker in _keras_trackers())
        return cls(random.getstate(), np.random.get_state(legacy=False), keras)

    def restore(self) -> None:
        """Make them current again."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # type: ignore[arg-type]
        self.restore_keras()

    def restore_keras(self) -> None:
        """Make Keras's part that of the calling thread."""
        for tracker, kept in zip(_keras_trackers(), self.keras, strict=False):
            _refill(tracker, kept)


def _keras_trackers() -> list[object]:
    """Where Keras keeps what belongs to a thread; nowhere before Keras is imported."""
    module: ModuleType | None = sys.modules.get("keras.src.backend.common.global_state")
    return [getattr(module, name) for name in _TRACKERS if hasattr(module, name)]


def _refill(holder: object, kept: Mapping[str, object]) -> None:
    held = vars(holder)
    for name in set(held) - set(kept):
        del held[name]
    held.update(kept)

"""Python's warning filters as something that a task takes along when it is parked.

`warnings.catch_warnings` saves and restores process-wide state and assumes that blocks nest. Tasks
that park inside such a block (scikit-learn opens one around each) do not nest, so each takes its
filters with it and finds them again. `_showwarnmsg_impl` is the one private name used: it is what
`catch_warnings(record=True)` replaces (CPython 3.11 to 3.13).
"""

from __future__ import annotations

import warnings
from typing import Any

_NAMES = ("filters", "showwarning", "_showwarnmsg_impl")

State = tuple[Any, ...]


def capture() -> State:
    """The current state."""
    return tuple(getattr(warnings, name) for name in _NAMES)


def restore(state: State) -> None:
    """Make a captured state current."""
    for name, value in zip(_NAMES, state, strict=True):
        setattr(warnings, name, value)
    with warnings.catch_warnings():
        pass  # Entering tells the interpreter that the filters have changed.

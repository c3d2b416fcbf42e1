"""Which threads stand still, and whether they wait for a lock."""

from __future__ import annotations

import dis
import sys
import time
from dataclasses import dataclass
from types import CodeType, FrameType

_WAITS = frozenset(("acquire", "__enter__", "lockf", "flock"))
_NAMES = frozenset(("LOAD_METHOD", "LOAD_ATTR"))
_OWN = "kohort."
_IMPORT = "importlib._bootstrap"
_AROUND = "kohort.cohort.failures"  # Always on the stack, below the calls of a task.


@dataclass
class Standing:
    """Where a thread is, and for how long it has been there.

    Attributes
    ----------
    since : float
        `time.monotonic()` when it was first seen there.
    locked : bool
        Whether it is there to take a lock.
    inside : bool
        Whether it runs code of kohort's own, or imports something.
    """

    place: tuple[int, int]
    since: float
    locked: bool
    inside: bool

    @property
    def seconds(self) -> float:
        """How long it has been there."""
        return time.monotonic() - self.since


def standing(thread: int, before: Standing | None) -> Standing | None:
    """Where a thread is now, compared with where it was before; None if it is gone."""
    frame = sys._current_frames().get(thread)
    if frame is None:
        return None
    place = id(frame), frame.f_lasti
    if before is not None and before.place == place:
        return before
    return Standing(place, time.monotonic(), _takes_lock(frame), inside(frame))


def inside(frame: FrameType | None) -> bool:
    """Whether code of kohort's stands above the task's function, or an import anywhere."""
    own = False
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name == "kohort.cohort.scheduler" and frame.f_code.co_name == "_run":
            return own
        own = own or (name.startswith((_OWN, _IMPORT)) and name != _AROUND)
        frame = frame.f_back
    return True


def _takes_lock(frame: FrameType) -> bool:
    """Whether a frame stands at `with lock:` or `lock.acquire()`."""
    return _instruction(frame.f_code, frame.f_lasti) in _WAITS


def _instruction(code: CodeType, offset: int) -> str:
    """Name of the method that is called at an offset of the code; `__enter__` for `with`."""
    method = ""
    for step in dis.get_instructions(code):
        if step.opname in _NAMES:
            method = str(step.argval)
        if step.offset == offset:
            return "__enter__" if step.opname == "BEFORE_WITH" else method
    return ""

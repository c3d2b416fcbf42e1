"""The members that a fit would train, for whoever wants to know them without training."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from kohort.engine.member import Member


class _Caught(BaseException):
    """Ends a fit whose members were asked for, not trained."""


_catching = threading.local()


def members_of(fit: Callable[[], Any]) -> list[Member]:
    """The members that a fit would train; nothing trains.

    Parameters
    ----------
    fit : callable
        Calls an estimator's `fit`. The estimator is left half fitted. May itself ask for members.

    Returns
    -------
    list of Member
        Empty if a cohort cannot train the fit, or the fit ended without asking one to.
    """
    outer = getattr(_catching, "members", None)
    _catching.members = []
    try:
        fit()
    except _Caught:
        pass
    finally:
        members, _catching.members = _catching.members, outer
    return members


def hand_over(members: list[Member]) -> None:
    """Give the members to `members_of`, if this thread's fit runs inside it, and end the fit."""
    caught = getattr(_catching, "members", None)
    if caught is not None:
        caught.extend(members)
        raise _Caught

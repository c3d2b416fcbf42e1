"""What a process remembers between fits, in one place: bounded, and keyed by content."""

from __future__ import annotations

import os
from typing import Any

from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.current import lend
from kohort.engine.compilers.xla import XlaCompiler
from kohort.memo import Memo

_MOST_PLANS = 256
_MOST_TRACES = 4096


class Session:
    """The memory of one process; `session()` gives it.

    A key holds everything that the value depends on: digests of the rows, never their shape alone.

    Attributes
    ----------
    plans : Memo
        Plans of batch sizes and of worker processes.
    findings : Memo
        Learning rates that range tests found.
    compiler : Compiler
        Gives programs, and keeps them; lent to everyone in the engine who is given none.
    traces : Memo
        Keras models as traced networks, and what was found out about them.
    """

    def __init__(self) -> None:
        self.compiler: Compiler = XlaCompiler()
        lend(self.compiler)
        self.plans: Memo[Any] = Memo(_MOST_PLANS)
        self.findings: Memo[Any] = Memo(_MOST_PLANS)
        self.traces: Memo[Any] = Memo(_MOST_TRACES)


_session = Session()


def session() -> Session:
    """The session of this process.

    Examples
    --------
    >>> from kohort.cohort.session import session
    >>> session() is session()
    True
    """
    return _session


def _forget() -> None:
    """Give a forked process a session of its own: a lock may have been held when it forked."""
    global _session
    _session = Session()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""The memory of a process between fits, in one place: bounded, and keyed by content."""

from __future__ import annotations

import atexit
import os
import threading
from typing import Any

from kohort.cohort.cohort import Cohort, Judge
from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.current import best_compiler, lend
from kohort.engine.devices import cores
from kohort.engine.executors.base import Executor, train_with, trains_here
from kohort.engine.executors.inline import InlineExecutor
from kohort.engine.executors.local import LocalExecutor, train
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.folder_store import FolderStore
from kohort.engine.member import Member, Outcome
from kohort.engine.store import Store
from kohort.errors import ParameterError, explain
from kohort.memo import Memo
from kohort.runtime import require_own_process

_MOST_PLANS = 256
_MOST_TRACES = 4096
_MOST_STORES = 16

STORE = "KOHORT_STORE"
"""The environment variable that names a folder for what has ended."""


class Session:
    """The memory of one process, and the cohort that is open in it; `session()` gives it.

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
    cohort : Cohort or None
        The cohort that is open; it owns the executor and the store, equal tables and pixels.
    """

    def __init__(self) -> None:
        self.compiler: Compiler = best_compiler()
        lend(self.compiler)
        self.plans: Memo[Any] = Memo(_MOST_PLANS)
        self.findings: Memo[Any] = Memo(_MOST_PLANS)
        self.traces: Memo[Any] = Memo(_MOST_TRACES)
        self.cohort: Cohort | None = None
        self._stores: Memo[FolderStore] = Memo(_MOST_STORES)
        self._lock = threading.RLock()

    def join(
        self,
        memory: int | None = None,
        threads: int | None = None,
        executor: Executor | None = None,
        store: Store | None = None,
    ) -> Cohort:
        """The open cohort, or a new one; each user leaves with `leave`.

        Raises
        ------
        ParameterError
            If an executor or a store is given while a cohort is open that has another one.
        """
        with self._lock:
            if self.cohort is None:
                kept = self.lasting_store() if store is None else store
                self.cohort = Cohort(executor or LocalExecutor(threads), kept, memory)
            own = {"executor": self.cohort.given, "store": self.cohort.store}
            for name, value in (("executor", executor), ("store", store)):
                if value is not None and value != own[name]:
                    requirement = "that of the open block, or left out, in a block inside it"
                    raise ParameterError(explain(name, requirement, value))
            self.cohort.users += 1
            return self.cohort

    def lasting_store(self) -> Store | None:
        """The store that the environment names for all that this process trains.

        Raises
        ------
        DataError
            If it cannot be used.
        """
        folder = os.environ.get(STORE, "")
        return self._stores.get_or_build(folder, lambda: FolderStore(folder)) if folder else None

    def leave(self, cohort: Cohort) -> None:
        """End one use of a cohort; the last user to leave closes it."""
        with self._lock:
            cohort.users -= 1
            if cohort.users > 0:
                return
            if self.cohort is cohort:
                self.cohort = None
        cohort.scheduler.close()

    def train(self, members: list[Member]) -> list[Outcome]:
        """Train members at once, for a study that needs the outcomes before it goes on.

        They train with the threads of the open cohort, beside what trains there already, and do
        not wait for fits that may join; without a cohort, on all cores. No store is asked: such
        fits are measured.

        Parameters
        ----------
        members : list of Member

        Returns
        -------
        list of Outcome, in the order of the members
        """
        require_own_process()
        if trains_here():
            return train_with(InlineExecutor(), members)
        if self.cohort is None:
            return train(members)
        return train_with(self.cohort.given, members)

    def train_alone(self, members: list[Member], executor: Executor) -> list[Outcome]:
        """Train members with an executor of their own, and wait for them.

        Parameters
        ----------
        members : list of Member
        executor : Executor

        Returns
        -------
        list of Outcome, in the order of the members
        """
        store = self.lasting_store()
        trains = executor if store is None else StoringExecutor(executor, store)
        try:
            return train_with(trains, members)
        finally:
            trains.join()


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


def current() -> Cohort | None:
    """The cohort that is open in this process."""
    return _session.cohort


def train_members(
    members: list[Member],
    held: int,
    parameters: dict[str, Any] | None = None,
    judge: Judge | None = None,
) -> list[Outcome]:
    """Train the members of one fit in the open cohort, or alone when there is none.

    A fit that a callback of another fit asks for trains alone, in the thread that calls.

    Parameters
    ----------
    members : list of Member
    held : int
        Bytes of tables that the caller keeps alive while it waits.
    parameters : dict or None
        The fit's parameters, as the cohort's record shows them.
    judge : callable or None
        Gives the diagnosis of the first member's outcome.
    """
    require_own_process()
    cohort = current()
    if cohort is not None and not trains_here():
        return cohort.fit(members, held, parameters, judge)
    if trains_here():
        outcomes = _session.train_alone(members, InlineExecutor())
    else:
        alone = LocalExecutor(min(len(members), cores()))
        outcomes = _session.train_alone(members, alone)
    if judge is not None:
        judge(outcomes[0])
    return outcomes


@atexit.register
def _close() -> None:
    """Let no thread compute while the interpreter shuts down."""
    if _session.cohort is not None:
        _session.cohort.scheduler.close()


def _forget() -> None:
    """Give a forked process a session of its own: a lock may have been held when it forked."""
    global _session
    _session = Session()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""An errand, which trains members on another machine with all of its cores, and reports."""

from __future__ import annotations

import os
import queue
import time
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version

import cloudpickle

from kohort._version import VERSION
from kohort.engine.compilers.current import best_compiler, lend
from kohort.engine.compilers.native import OFF, VARIABLE, instruction_set, instruction_sets
from kohort.engine.executors.base import Executor
from kohort.engine.executors.cluster.base import Cargo, Ending, Report, Terms
from kohort.engine.executors.cluster.parcels import Notes, listening, unpack
from kohort.engine.executors.local import LocalExecutor
from kohort.engine.fit import Fit
from kohort.engine.member import TRAINING, Member
from kohort.engine.numerics import Numerics
from kohort.engine.saving import Saving
from kohort.engine.snapshot import Snapshot
from kohort.engine.times import Times
from kohort.errors import ClusterError

GATHER = 0.05
"""Seconds for which ends are gathered into one report."""

PAUSE = 1.0
"""Seconds between two reports while nothing ends."""


def terms_of(threads: int, fits: Sequence[Fit]) -> Terms:
    """The terms of this process, for fits of one structure; some may go without snapshots."""
    interval = next((fit.saving.interval for fit in fits if fit.saving is not None), None)
    return Terms(_versions(), threads, instruction_set(), Numerics()(fits[0].member), interval)


def _versions() -> str:
    return f"kohort {VERSION} and JAX {version('jax')}"


def run(terms: Terms, parcel: bytes, cargo: Sequence[Cargo]) -> Iterator[Report]:
    """Train the members of a parcel.

    Parameters
    ----------
    terms : Terms
    parcel : bytes
    cargo : sequence
        The cargo that `pack` returned, in its order.

    Yields
    ------
    Report
        Soon after a member has ended, and otherwise once a second.

    Raises
    ------
    ClusterError
        If this machine has other versions of kohort or JAX.
    """
    if terms.versions != (own := _versions()):
        raise ClusterError(
            f"A machine of the cluster has {own}, the driver has {terms.versions}. "
            "Install the same on all of them."
        )
    _adapt(terms.kernels)
    pairs = [listening(packed) for packed in unpack(parcel, cargo)]
    if Numerics()(pairs[0][0]) != terms.numerics:
        yield Report(exact=False)
    yield from _train(pairs, LocalExecutor(terms.threads), terms.interval)


def _adapt(kernels: str | None) -> None:
    """Let the kernels be the driver's from now on, if the processor can run them."""
    if kernels != instruction_set() and (kernels is None or kernels in instruction_sets()):
        os.environ[VARIABLE] = kernels or OFF
        lend(best_compiler())


def _train(
    pairs: list[tuple[Member, Notes]], executor: Executor, interval: float | None
) -> Iterator[Report]:
    ended: queue.SimpleQueue[Fit] = queue.SimpleQueue()
    try:
        fits = [executor.submit(member, ended.put) for member, _ in pairs]
        desk = _Desk(fits, [notes for _, notes in pairs])
        if interval is not None:
            for fit in fits:
                fit.saving = Saving(partial(desk.save, fit), interval)
        executor.start(fits)
        while desk.left:
            yield desk.report(_gathered(ended), executor.times())
    finally:
        executor.cancel()


def _gathered(ended: queue.SimpleQueue[Fit]) -> list[Fit]:
    """Fits that end within a moment of each other; none if none ends for a while."""
    found: list[Fit] = []
    deadline = time.monotonic() + PAUSE
    while (left := deadline - time.monotonic()) > 0:
        try:
            found.append(ended.get(timeout=left))
        except queue.Empty:
            break
        deadline = min(deadline, time.monotonic() + GATHER) if len(found) == 1 else deadline
    return found


class _Desk:
    """Knows the epochs that have been reported of each fit."""

    def __init__(self, fits: list[Fit], notes: list[Notes]) -> None:
        self._notes = notes
        self._numbers = {fit: number for number, fit in enumerate(fits)}
        self._epochs = {fit: _epochs(fit) for fit in fits}
        self._begun: set[Fit] = set()
        self._times = Times()
        self._saved: queue.SimpleQueue[tuple[Fit, Snapshot]] = queue.SimpleQueue()
        self.left = set(fits)

    def save(self, fit: Fit, snapshot: Snapshot) -> None:
        """Take a snapshot to the next report."""
        self._saved.put((fit, snapshot))

    def report(self, ended: list[Fit], times: Times) -> Report:
        """The news since the last call."""
        training = [fit for fit in self.left if fit.status == TRAINING]
        begun = [fit for fit in training if fit not in self._begun]
        self._begun.update(begun)
        self.left.difference_update(ended)
        spent, self._times = times - self._times, times
        return Report(
            tuple(self._numbers[fit] for fit in begun),
            {self._numbers[fit]: logs for fit in self.left if (logs := self._logs(fit))},
            {self._numbers[fit]: self._ending(fit) for fit in ended},
            spent,
            saved={self._numbers[fit]: last for fit, last in self._snapshots() if fit in self.left},
        )

    def _snapshots(self) -> Iterator[tuple[Fit, Snapshot]]:
        """Those since the last report, in their order."""
        while not self._saved.empty():
            yield self._saved.get()

    def _logs(self, fit: Fit) -> dict[str, list[float]]:
        """Logs of the epochs that nobody has been told of; its thread may be writing the next."""
        known, now = self._epochs[fit], _epochs(fit)
        self._epochs[fit] = now
        logs = list(fit.history.items()) if now > known else []
        return {name: log[known:now] for name, log in logs}

    def _ending(self, fit: Fit) -> Ending:
        heard = self._notes[self._numbers[fit]].heard
        return Ending(fit.result, None if fit.error is None else portable(fit.error), heard)


def _epochs(fit: Fit) -> int:
    """Epochs of which all logs are there."""
    return min(map(len, list(fit.history.values())), default=0)


def portable(error: BaseException) -> Exception:
    """The error as another process can take it, with the text of its traceback as a note."""
    text = "".join(traceback.format_exception(error))
    try:
        kept = cloudpickle.loads(cloudpickle.dumps(error))
    except Exception:
        kept = None
    if not isinstance(kept, Exception):
        kept = RuntimeError(f"{type(error).__name__}: {error}")
    kept.add_note(f"On the machine that trained it:\n{text}")
    return kept

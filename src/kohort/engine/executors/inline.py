"""The executor that trains in the calling thread: for nested fits, and for tests."""

from __future__ import annotations

from collections.abc import Collection

from kohort.engine import plan
from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.current import lent_compiler, slots_of
from kohort.engine.devices import threads_of
from kohort.engine.executors.base import Census, Done, Ledger, training_here
from kohort.engine.fit import Fit
from kohort.engine.member import Member
from kohort.engine.population import Runner
from kohort.engine.saving import Saving
from kohort.engine.structure import Structure
from kohort.engine.times import Stopwatch, Times


class InlineExecutor:
    """Trains members one group after another while `start` runs; it has no thread of its own.

    Parameters
    ----------
    compiler : Compiler or None, default=None
        Gives the programs; None for the one that the session lends.

    Examples
    --------
    >>> from kohort.engine.executors.inline import InlineExecutor
    >>> InlineExecutor().census().submitted
    0
    """

    threads = 1

    def __init__(self, compiler: Compiler | None = None) -> None:
        self._compiler = compiler or lent_compiler()
        self._ledger = Ledger()
        self._arrivals: list[Fit] = []
        self._times = Times()

    @property
    def arrivals(self) -> int:
        """Number of members that wait for `start`."""
        return len(self._arrivals)

    @property
    def busy(self) -> bool:
        """Whether any submitted member has not ended."""
        return bool(self._ledger)

    def submit(self, member: Member, done: Done, saving: Saving | None = None) -> Fit:
        """Queue a member; `start` trains it."""
        fit = self._ledger.enter(member, done, saving)
        self._arrivals.append(fit)
        return fit

    def start(self, fits: Collection[Fit] | None = None) -> None:
        """Train the members that have arrived to their end."""
        taken = [fit for fit in self._arrivals if fits is None or fit in fits]
        self._arrivals = [fit for fit in self._arrivals if fit not in taken]
        by_member = {fit.member: fit for fit in taken}
        try:
            for structure, members in plan.groups(by_member).items():
                self._train(structure, [by_member[member] for member in members])
        except BaseException as error:
            self._ledger.fail(taken, error)
            if not isinstance(error, Exception):
                raise

    def _train(self, structure: Structure, fits: list[Fit]) -> None:
        device = threads_of(1)[0]
        slots = slots_of(structure, len(fits), device, self._compiler)
        waiting = iter(fits)

        def source() -> Fit | None:
            fit = next(waiting, None)
            if fit is not None:
                self._ledger.begin(fit)
            return fit

        watch = Stopwatch()
        try:
            with training_here():
                Runner(
                    structure, slots, device, source, self._ledger.deliver, watch,
                    compiler=self._compiler,
                ).run()  # fmt: skip
        except Exception as error:
            self._ledger.fail(fits, error)
        self._times += watch.times()

    def relieve(self) -> None:
        """Nothing waits while nobody trains."""

    def cancel(self, fits: Collection[Fit] | None = None) -> None:
        """End the given fits (default: all) with `CancelledError`."""
        unstarted = self._ledger.cancel(fits)
        self._arrivals = [fit for fit in self._arrivals if fit not in unstarted]
        for fit in unstarted:
            self._ledger.deliver(fit)

    def join(self, seconds: float | None = None) -> None:
        """There is no thread to wait for."""

    def census(self) -> Census:
        """How many members wait, train and have ended."""
        return self._ledger.census()

    def times(self) -> Times:
        """The seconds inside `start` so far, by activity."""
        return self._times

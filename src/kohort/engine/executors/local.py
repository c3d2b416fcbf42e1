"""The executor of this machine's cores or accelerators: one thread each.

Members are submitted, planned into groups at `start`, and drained by one thread per CPU core (or
one per accelerator). Members that arrive while a group trains join its queue and enter at the
next chunk, as requests do in an inference server.

Every way out of a thread delivers or fails its fits. A thread that ends removes
the groups in which no fit waits or trains; all others stay.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from kohort.deferred import jax
from kohort.engine import plan
from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.current import lent_compiler, slots_of
from kohort.engine.devices import threads_of
from kohort.engine.executors.ahead import Ahead
from kohort.engine.executors.base import Census, Done, Ledger, train_with, training_here
from kohort.engine.fit import Fit
from kohort.engine.member import Member, Outcome
from kohort.engine.memory import fitting_slots, free_on
from kohort.engine.population import Runner
from kohort.engine.saving import Saving
from kohort.engine.structure import Structure
from kohort.engine.times import Stopwatch, Times

_ACCELERATOR_SHARE = 0.9
"""Share of an accelerator's free memory that a program may take."""

_MOST_READERS = 32
"""Threads beyond one per core: those that train members which read files, and those that help."""

_PATIENCE = 2.0
"""Seconds without a step, though fits wait, until a further thread helps."""


@dataclass
class _Group:
    structure: Structure
    queue: deque[Fit] = field(default_factory=deque)
    costs: dict[Fit, float] = field(default_factory=dict)
    runners: dict[int, int] = field(default_factory=dict)
    """By thread that trains this group now: slots of its program; 0 before that is known."""

    def add(self, fit: Fit, cost: float) -> None:
        self.queue.append(fit)
        self.costs[fit] = cost

    def pop(self) -> Fit:
        fit = self.queue.popleft()
        del self.costs[fit]
        return fit

    def remove(self, fits: Collection[Fit]) -> None:
        self.queue = deque(fit for fit in self.queue if fit not in fits)
        self.costs = {fit: self.costs[fit] for fit in self.queue}

    @property
    def streamed(self) -> bool:
        """Whether members that wait read files, and do so together if they train together."""
        return any(fit.member.rows.streamed for fit in self.queue)

    @property
    def cost(self) -> float:
        """Work that waits, shared between those who would do it."""
        return sum(self.costs.values()) / (1 + len(self.runners))


class LocalExecutor:
    """Trains submitted members on this machine's cores or accelerators.

    Parameters
    ----------
    threads : int or None
        CPU threads; None for one per core.
    compiler : Compiler or None, default=None
        Gives the programs; None for the one that the session lends.
    """

    def __init__(self, threads: int | None = None, compiler: Compiler | None = None) -> None:
        self._compiler = compiler or lent_compiler()
        self._devices = threads_of(threads)
        self._ahead = Ahead(self._compiler, self._devices)
        self._lock = threading.RLock()
        self._ledger = Ledger()
        self._arrivals: list[Fit] = []
        self._groups: dict[Structure, _Group] = {}
        self._idle_devices = list(range(len(self._devices)))
        self._workers: set[threading.Thread] = set()
        self._times = Times()
        self._watches: list[Stopwatch] = []
        self._seen = (0, 0), 0.0

    def submit(self, member: Member, done: Done, saving: Saving | None = None) -> Fit:
        """Queue a member; `done(fit)` is called, in some thread, when it has ended.

        Nothing trains before `start`, unless training is under way already.
        """
        fit = self._ledger.enter(member, done, saving)
        with self._lock:
            self._arrivals.append(fit)
            if member.network.final and member.resumed is None:
                judged = 0 if member.validation is None else len(member.validation.x)
                self._ahead.submitted(plan.structure_of(member), judged)
            under_way = len(self._idle_devices) < len(self._devices)
        if under_way:
            self.start([fit])
        return fit

    @property
    def arrivals(self) -> int:
        """Members that wait for `start`."""
        return len(self._arrivals)

    @property
    def busy(self) -> bool:
        """Whether any submitted member has not ended."""
        return bool(self._ledger)

    def census(self) -> Census:
        """Numbers for a progress bar."""
        return self._ledger.census()

    @property
    def threads(self) -> int:
        """How many threads train."""
        return len(self._devices)

    def times(self) -> Times:
        """The threads' seconds so far, by activity."""
        with self._lock:
            return sum((watch.times() for watch in self._watches), self._times)

    def start(self, fits: Collection[Fit] | None = None) -> None:
        """Plan the arrived fits, or the given ones of them, and set idle threads to work."""
        with self._lock:
            arrivals = [fit for fit in self._arrivals if fits is None or fit in fits]
            self._arrivals = [fit for fit in self._arrivals if fit not in arrivals]
            failure: BaseException | None = None
            self._ahead.started()
            try:
                self._plan(arrivals)
                waiting = sum(len(group.queue) for group in self._groups.values())
                wanted = min(waiting, len(self._idle_devices))
                readers = self._readers(wanted)
                staff = [self._idle_devices.pop() for _ in range(wanted)]
                self._employ([*staff, *readers])
                self._look_ahead(len(staff))
            except Exception as error:
                failure = error
                arrivals += self._unattended()
        if failure is not None:
            self._ledger.fail(arrivals, failure)

    def _plan(self, arrivals: list[Fit]) -> None:
        """Put each arrival into its group's queue: all of them, or none if that fails."""
        by_member = {fit.member: fit for fit in arrivals}
        costs = {fit: plan.cost_of(fit.member) for fit in arrivals}
        for structure, members in plan.groups(by_member).items():
            group = self._group(structure, any(member.resumed for member in members))
            for member in members:
                group.add(by_member[member], costs[by_member[member]])

    def _look_ahead(self, staff: int) -> None:
        """Let programs of groups that wait be compiled while accelerators train those with most
        work. A CPU's threads compile side by side: no core would be idle.
        """
        platform = self._devices[0].platform
        waiting = [group for group in self._groups.values() if group.queue and not group.runners]
        waiting.sort(key=lambda group: group.cost, reverse=True)
        for group in waiting[staff:] if platform != "cpu" else ():
            slots = plan.slots_of(group.structure, len(group.queue), platform)
            self._ahead.planned(group.structure, slots)

    def _group(self, structure: Structure, goes_on: bool) -> _Group:
        """A group whose program holds at least the structure's techniques; just these for members
        that go on, whose state no other program fits.
        """
        for known, group in self._groups.items():
            if known.covers(structure) and not goes_on:
                return group
        return self._groups.setdefault(structure, _Group(structure))

    def _readers(self, staff: int) -> range:
        """Further threads, so that all members that read the same files read them once, together.

        A thread trains as many members as its program has slots, on a CPU often one.
        """
        if self._devices[0].platform != "cpu":
            return range(0)
        wanted = 0
        for group in (group for group in self._groups.values() if group.streamed):
            slots = self._slots_of(group, len(group.queue), self._devices[0])
            threads = min(-(-len(group.queue) // slots), _MOST_READERS - wanted)
            wanted += threads
            for fit in islice(group.queue, threads * slots):
                with suppress(Exception):  # Training opens them again, and fails the fit.
                    fit.open_rows()  # Before the first of them starts to read.
        first = len(self._devices)
        return range(first, first + max(0, wanted - staff))

    def _employ(self, numbers: list[int], streams_only: bool = True) -> None:
        """Start threads; those that the system refuses are done without, if any thread is left."""
        while numbers:
            helps = streams_only and numbers[0] >= len(self._devices)
            worker = threading.Thread(
                target=self._work, args=(numbers[0], helps), name="kohort-worker", daemon=True
            )
            try:
                worker.start()
            except RuntimeError:
                self._idle_devices += [n for n in numbers if n < len(self._devices)]
                if not self._workers:
                    raise
                return
            self._workers.add(worker)
            del numbers[0]

    def _unattended(self) -> list[Fit]:
        """Take the fits that wait with no thread left to train them out of their queues."""
        if self._workers:
            return []
        left = [fit for group in self._groups.values() for fit in group.queue]
        self._groups.clear()
        return left

    def relieve(self) -> None:
        """Let a further thread train waiting fits if no thread has made a step for a while.

        A callback of a fit may wait for a fit that no other thread is free to train.
        """
        with self._lock:
            now, steps = time.monotonic(), self._ledger.steps()
            if steps != self._seen[0] or not any(g.queue for g in self._groups.values()):
                self._seen = steps, now
            elif now - self._seen[1] > _PATIENCE:
                self._seen = steps, now
                extra = len(self._workers) - len(self._devices)
                if extra < _MOST_READERS:
                    self._employ([len(self._devices) + max(0, extra)], streams_only=False)

    def join(self, seconds: float | None = None) -> None:
        """Wait for the training threads to end; they do once every member has ended."""
        for worker in list(self._workers):
            worker.join(seconds)
        self._ahead.join(seconds)

    def cancel(self, fits: Collection[Fit] | None = None) -> None:
        """End the given fits (default: all) with `CancelledError`."""
        if fits is None:
            self._ahead.forget()
        with self._lock:
            unstarted = self._ledger.cancel(fits)
            for group in self._groups.values():
                group.remove(unstarted)
            self._arrivals = [fit for fit in self._arrivals if fit not in unstarted]
        for fit in unstarted:
            self._ledger.deliver(fit)

    def _work(self, number: int, streams_only: bool) -> None:
        """One thread: take the group with most work, train until it is empty, again."""
        me = threading.get_ident()
        try:
            while (group := self._taken(number, streams_only)) is not None:
                try:
                    self._train(group, self._devices[number % len(self._devices)])
                finally:
                    with self._lock:
                        del group.runners[me]
        except BaseException as error:
            with self._lock:
                self._retire(number)
                left = self._unattended()
            self._ledger.fail(left, error)

    def _taken(self, number: int, streams_only: bool) -> _Group | None:
        """The group with most work for the calling thread, of those that it can train at once if
        there are any; None ends the thread.
        """
        with self._lock:
            group = max(
                (g for g in self._groups.values() if g.queue and (g.streamed or not streams_only)),
                key=lambda group: (not self._ahead.busy_with(group.structure), group.cost),
                default=None,
            )
            if group is None:
                self._groups = {s: g for s, g in self._groups.items() if g.runners or g.queue}
                self._retire(number)
            else:
                group.runners[threading.get_ident()] = 0
            return group

    def _retire(self, number: int) -> None:
        """Take the calling thread off the list; its device is idle."""
        self._workers.discard(threading.current_thread())
        if number < len(self._devices):
            self._idle_devices.append(number)

    def _train(self, group: _Group, device: jax.Device) -> None:
        """Train members of a group until none waits; those that an error stops are failed."""
        mine: list[Fit] = []

        def source() -> Fit | None:
            while True:
                with self._lock:
                    if not group.queue:
                        return None
                    mine.append(fit := group.pop())
                    self._ledger.begin(fit)
                try:
                    fit.open_rows()
                except Exception as error:
                    self._ledger.fail([fit], error)
                else:
                    return fit

        watch = Stopwatch()
        with self._lock:
            self._watches.append(watch)
        try:
            slots = self._slots(group, device)
            with training_here():
                Runner(
                    group.structure, slots, device, source, self._ledger.deliver, watch,
                    compiler=self._compiler,
                ).run()  # fmt: skip
        except BaseException as error:
            with self._lock:
                if not any(fit.cursor or fit.history for fit in mine):
                    mine += group.queue  # Its program cannot be had: nobody will train them.
                    group.remove(mine)
            self._ledger.fail(mine, error)
        with self._lock:
            self._watches.remove(watch)
            self._times += watch.times()

    def _slots(self, group: _Group, device: jax.Device) -> int:
        """Slots for a new runner, noted with the group."""
        with self._lock:
            slots = self._wanted_slots(group, device)
            group.runners[threading.get_ident()] = slots
            waiting = list(group.queue)
        if device.platform == "cpu":
            return slots
        tables = {id(x): x for fit in waiting if (x := fit.member.rows.x).nbytes}
        held = sum(2 * x.nbytes for x in tables.values())  # Padded to a power of two.
        memory = _ACCELERATOR_SHARE * free_on(device) - held
        return fitting_slots(group.structure, slots, device, memory, self._compiler)

    def _slots_of(self, group: _Group, waiting: int, device: jax.Device) -> int:
        return slots_of(group.structure, waiting, device, self._compiler, group.streamed)

    def _wanted_slots(self, group: _Group, device: jax.Device) -> int:
        """A program that exists already is preferred to a better fit, and so is one that another
        runner of the group is about to compile.
        """
        busy_groups = sum(1 for g in self._groups.values() if g.queue)
        share = max(1, len(self._devices) // max(1, busy_groups))
        wanted = self._slots_of(group, -(-len(group.queue) // share), device)
        compiler = self._compiler.serving(group.structure, device)
        for slots in (2**power for power in range(11)):
            coming = slots in group.runners.values() or self._ahead.coming(group.structure, slots)
            known = coming or compiler.has_train(group.structure, slots, device)  # In this order.
            if slots >= wanted and known:
                return slots
        return wanted


def train(members: list[Member], threads: int | None = None) -> list[Outcome]:
    """Train members as one cohort of their own and wait for them.

    Parameters
    ----------
    members : list of Member
    threads : int or None
        None for one per core.

    Returns
    -------
    list of Outcome, in the order of the members
    """
    executor = LocalExecutor(threads)
    try:
        return train_with(executor, members)
    finally:
        executor.join()

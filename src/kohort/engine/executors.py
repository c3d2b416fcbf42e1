"""Threads and devices: who runs which group when.

Members are submitted, planned into groups at `start`, and drained by one thread per CPU core (or
one per accelerator). Members that arrive while a group trains join its queue and enter at the
next chunk, as requests do in an inference server.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import jax

from kohort.engine import plan, programs
from kohort.engine.fit import Fit
from kohort.engine.member import DIVERGED, STOPPED_EARLY, Member, Outcome
from kohort.engine.memory import fitting_slots, free_on
from kohort.engine.population import Runner
from kohort.engine.rows import LazyRows
from kohort.engine.structure import Structure
from kohort.engine.times import Stopwatch, Times
from kohort.errors import CancelledError

Done = Callable[[Fit], None]

_ACCELERATOR_SHARE = 0.9
"""Share of an accelerator's free memory that a program may take."""

_MOST_READERS = 32
"""Threads that train members which read files, at most."""


@dataclass(frozen=True)
class Census:
    """How many members are where, and how much of the epochs that may be needed is done."""

    submitted: int = 0
    training: int = 0
    ended: int = 0
    stopped_early: int = 0
    diverged: int = 0
    progress: float = 0.0

    @property
    def waiting(self) -> int:
        """Members that no slot has taken yet."""
        return self.submitted - self.training - self.ended


@dataclass
class _Group:
    structure: Structure
    queue: deque[Fit] = field(default_factory=deque)
    runners: list[int] = field(default_factory=list)
    """Slots of each program that trains this group now."""

    @property
    def streamed(self) -> bool:
        """Whether members that wait read files, and do so together if they train together."""
        return any(isinstance(fit.member.rows.x, LazyRows) for fit in self.queue)

    @property
    def cost(self) -> float:
        """Work that waits, shared between those who would do it."""
        return sum(plan.cost_of(fit.member) for fit in self.queue) / (1 + len(self.runners))


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of(threads: int | None) -> list[Any]:
    """One entry per thread: the device that it drives."""
    devices = jax.local_devices()
    if devices[0].platform != "cpu":
        return list(devices)
    count = threads or cores()
    return [devices[i % len(devices)] for i in range(max(count, len(devices)))]


class Executor:
    """Trains submitted members on this machine's cores or accelerators.

    Parameters
    ----------
    threads : int or None
        CPU threads; None for one per core.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._devices = threads_of(threads)
        self._lock = threading.RLock()
        self._arrivals: list[Fit] = []
        self._done: dict[Fit, Done] = {}
        self._training: set[Fit] = set()
        self._groups: dict[Structure, _Group] = {}
        self._idle_devices = list(range(len(self._devices)))
        self._workers: set[threading.Thread] = set()
        self._statuses: Counter[str] = Counter()
        self._submitted = 0
        self._times = Times()
        self._watches: list[Stopwatch] = []

    def submit(self, member: Member, done: Done) -> Fit:
        """Queue a member; `done(fit)` is called, in some thread, when it has ended.

        Nothing trains before `start`, unless training is under way already.
        """
        fit = Fit(member)
        with self._lock:
            self._submitted += 1
            self._arrivals.append(fit)
            self._done[fit] = done
            under_way = len(self._idle_devices) < len(self._devices)
        if under_way:
            self.start()
        return fit

    @property
    def arrivals(self) -> int:
        """Members that wait for `start`."""
        return len(self._arrivals)

    @property
    def busy(self) -> bool:
        """Whether any submitted member has not ended."""
        return bool(self._done)

    def census(self) -> Census:
        """Numbers for a progress bar."""
        with self._lock:
            training = list(self._training)
            ended = sum(self._statuses.values())
            partial = sum(fit.epoch / fit.member.recipe.epochs for fit in training)
            return Census(
                submitted=self._submitted,
                training=len(training),
                ended=ended,
                stopped_early=self._statuses[STOPPED_EARLY],
                diverged=self._statuses[DIVERGED],
                progress=ended + partial,
            )

    @property
    def threads(self) -> int:
        """How many threads train."""
        return len(self._devices)

    def times(self) -> Times:
        """What the threads' seconds were spent on so far."""
        with self._lock:
            return sum((watch.times() for watch in self._watches), self._times)

    def start(self) -> None:
        """Plan what has arrived and set idle threads to work."""
        with self._lock:
            arrivals, self._arrivals = self._arrivals, []
            try:
                self._plan(arrivals)
            except Exception as error:
                failed = [fit for fit in arrivals if fit in self._done]
                for fit in failed:
                    fit.error = error
            else:
                failed = []
            waiting = sum(len(group.queue) for group in self._groups.values())
            staff = [self._idle_devices.pop() for _ in range(min(waiting, len(self._idle_devices)))]
            workers = [
                threading.Thread(target=self._work, args=(n,), name="kohort-worker", daemon=True)
                for n in (*staff, *self._readers(len(staff)))
            ]
            self._workers.update(workers)
            for worker in workers:
                worker.start()
        for fit in failed:
            self._deliver(fit)

    def _readers(self, staff: int) -> range:
        """Further threads, so that all members that read the same files read them once, together.

        A thread trains as many members as its program has slots, on a CPU often one.
        """
        device = self._devices[0]
        if device.platform != "cpu":
            return range(0)
        wanted = 0
        for group in (group for group in self._groups.values() if group.streamed):
            slots = plan.slots_of(group.structure, len(group.queue))
            threads = min(-(-len(group.queue) // slots), _MOST_READERS - wanted)
            wanted += threads
            for fit in islice(group.queue, threads * slots):
                fit.open_rows()  # Before the first of them starts to read.
        first = len(self._devices)
        return range(first, first + max(0, wanted - staff))

    def _plan(self, arrivals: list[Fit]) -> None:
        """Put each arrival into its group's queue."""
        by_member = {fit.member: fit for fit in arrivals}
        for structure, members in plan.groups(by_member).items():
            self._group(structure).queue.extend(by_member[member] for member in members)

    def _group(self, structure: Structure) -> _Group:
        """A group whose program holds at least the structure's techniques."""
        base = structure.without_uses()
        for known, group in self._groups.items():
            if known.without_uses() == base and known.uses >= structure.uses:
                return group
        return self._groups.setdefault(structure, _Group(structure))

    def join(self, seconds: float | None = None) -> None:
        """Wait for the training threads to end; they do once every member has ended."""
        for worker in list(self._workers):
            worker.join(seconds)

    def cancel(self, fits: set[Fit] | None = None) -> None:
        """End the given fits (default: all) with `CancelledError`."""
        with self._lock:
            wanted = set(self._done) if fits is None else fits & set(self._done)
            for fit in wanted:
                fit.error = CancelledError("The search was interrupted before this fit had ended.")
                fit.stop()
            for group in self._groups.values():
                group.queue = deque(fit for fit in group.queue if fit not in wanted)
            self._arrivals = [fit for fit in self._arrivals if fit not in wanted]
            unstarted = wanted - self._training
        for fit in unstarted:
            self._deliver(fit)

    def _work(self, number: int) -> None:
        """One thread: take the group with most work, train until it is empty, again."""
        helps = number >= len(self._devices)
        device = self._devices[number % len(self._devices)]
        while True:
            with self._lock:
                group = max(
                    (g for g in self._groups.values() if g.queue and (g.streamed or not helps)),
                    key=lambda group: group.cost,
                    default=None,
                )
                if group is None:
                    self._groups = {s: g for s, g in self._groups.items() if g.runners}
                    if not helps:
                        self._idle_devices.append(number)
                    self._workers.discard(threading.current_thread())
                    return
                slots = self._slots(group, device)
                group.runners.append(slots)
            self._run(group, slots, device)
            with self._lock:
                group.runners.remove(slots)

    def _run(self, group: _Group, slots: int, device: Any) -> None:
        mine: list[Fit] = []
        if device.platform != "cpu":
            memory = _ACCELERATOR_SHARE * free_on(device)
            slots = fitting_slots(group.structure, slots, device, memory)

        def source() -> Fit | None:
            with self._lock:
                if not group.queue:
                    return None
                fit = group.queue.popleft()
                fit.open_rows()
                self._training.add(fit)
                mine.append(fit)
                return fit

        watch = Stopwatch()
        with self._lock:
            self._watches.append(watch)
        try:
            Runner(group.structure, slots, device, source, self._deliver, watch).run()
        except BaseException as error:
            with self._lock:
                failed = [fit for fit in mine if fit in self._done] + list(group.queue)
                group.queue.clear()
            for fit in failed:
                fit.error = error
                self._deliver(fit)
        with self._lock:
            self._watches.remove(watch)
            self._times += watch.times()

    def _slots(self, group: _Group, device: Any) -> int:
        """Slots for a new runner; a program that exists already is preferred to a better fit, and
        so is one that another runner of the group is about to compile.
        """
        busy_groups = sum(1 for g in self._groups.values() if g.queue)
        share = max(1, len(self._devices) // max(1, busy_groups))
        wanted = plan.slots_of(group.structure, -(-len(group.queue) // share), device.platform)
        for slots in (2**power for power in range(11)):
            compiled = programs.exists((group.structure, slots, device))
            if slots >= wanted and (compiled or slots in group.runners):
                return slots
        return wanted

    def _deliver(self, fit: Fit) -> None:
        with self._lock:
            done = self._done.pop(fit, None)
            self._training.discard(fit)
            self._statuses[fit.result.status if fit.result else "failed"] += 1
        fit.release()
        if done is not None:
            done(fit)


def train(members: list[Member], threads: int | None = None) -> list[Outcome]:
    """Train members as one cohort and wait for them.

    Parameters
    ----------
    members : list of Member
    threads : int or None
        None for one per core.

    Returns
    -------
    list of Outcome, in the order of the members
    """
    executor = Executor(threads)
    finished = threading.Semaphore(0)

    def done(fit: Fit) -> None:
        finished.release()

    fits = [executor.submit(member, done) for member in members]
    executor.start()
    try:
        for _ in fits:
            while not finished.acquire(timeout=0.2):
                pass
    except BaseException:
        executor.cancel()
        raise
    finally:
        executor.join()
    return [outcome_of(fit) for fit in fits]


def outcome_of(fit: Fit) -> Outcome:
    """The result of a fit that has ended, or the error that ended it."""
    if fit.error is not None:
        raise fit.error
    assert fit.result is not None
    return fit.result

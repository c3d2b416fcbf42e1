"""The executor that trains members on a cluster of any kind.

One thread hands out errands, listens to them and delivers the fits that they have ended. When an
errand dies, only the members that it had not delivered are handed out again. Members that cannot
travel train here, by another executor.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from kohort.engine import plan
from kohort.engine.compilers.current import lent_compiler
from kohort.engine.devices import CORE
from kohort.engine.executors.base import Census, Done, Executor, Ledger
from kohort.engine.executors.cluster.base import (
    Cargo,
    Cluster,
    Ending,
    Handle,
    Lost,
    News,
    Over,
    Refused,
    Report,
    Task,
)
from kohort.engine.executors.cluster.errand import terms_of
from kohort.engine.executors.cluster.parcels import Customs, Key, cargo_of, pack, tell
from kohort.engine.executors.cluster.shares import Waiting
from kohort.engine.executors.local import LocalExecutor
from kohort.engine.fit import Fit
from kohort.engine.member import Member
from kohort.engine.numerics import Numerics
from kohort.engine.saving import Saving
from kohort.engine.snapshot import Snapshot
from kohort.engine.structure import Structure
from kohort.engine.times import Times
from kohort.errors import ClusterError

_AHEAD = 2
"""Errands per place: one runs, one is at hand when it ends."""

_TICK = 0.1  # Seconds between two looks at newly submitted members.
_PATIENCE = 30.0  # Seconds without a machine, or without news, after which a line says so.


@dataclass(eq=False)
class _Errand:
    """An errand that is out; fits are left until they are delivered, its own until it ends them."""

    task: Task
    fits: list[Fit]
    cargo: dict[Key, Handle]
    left: set[Fit]
    own: set[Fit]
    begun: set[Fit] = field(default_factory=set)
    saved: dict[Fit, Snapshot] = field(default_factory=dict)
    called_off: bool = False
    exact: bool = True


def say(line: str) -> None:
    """Tell the user something that is no error, in a line of the error stream."""
    print(f"kohort: {line}", file=sys.stderr, flush=True)


class ClusterExecutor(Executor):
    """Trains members on a cluster, and in this process those that cannot be sent.

    Parameters
    ----------
    cluster : Cluster
        The machines, and the way to send errands to them.
    local : Executor or None, default=None
        The executor of members that cannot be sent; None for this machine's cores.
    max_retries : int, default=3
        Deaths of the process that trains a fit alone, >= 0, after which the fit fails.
    say : callable
        Called with each line for the user, a string.
    """

    def __init__(
        self,
        cluster: Cluster,
        local: Executor | None = None,
        max_retries: int = 3,
        say: Callable[[str], None] = say,
    ) -> None:
        self._cluster, self._local, self._say = cluster, local or LocalExecutor(), say
        self._most_deaths = max_retries
        self._lock = threading.RLock()
        self._ledger = Ledger()
        self._customs = Customs()
        self._waiting = Waiting(cluster.cores, self._floor, cluster.platform != "cpu")
        self._arrivals: list[Fit] = []
        self._errands: dict[Task, _Errand] = {}
        self._cargo: dict[Fit, dict[Key, Cargo]] = {}
        self._handles: dict[Key, Handle] = {}
        self._users: Counter[Key] = Counter()
        self._thread: threading.Thread | None = None
        self._times = Times()
        self._worked = 0.0
        self._stayed: Counter[str] = Counter()
        self._heard = time.monotonic()
        self._remarked = self._cluster.platform != "cpu"
        self.repeated = 0

    @property
    def threads(self) -> int:
        """Number of threads that train on the cluster now, at least 1."""
        return max(1, self._cluster.places()) * self._cluster.cores

    @property
    def arrivals(self) -> int:
        """Number of members that wait for `start`."""
        return len(self._arrivals) + self._local.arrivals

    @property
    def busy(self) -> bool:
        """Whether any submitted member has not ended."""
        return bool(self._ledger) or self._local.busy

    def census(self) -> Census:
        return self._ledger.census() + self._local.census()

    def times(self) -> Times:
        return self._times + self._local.times()

    def submit(self, member: Member, done: Done, saving: Saving | None = None) -> Fit:
        if obstacle := self._customs.obstacle(member):
            self._stayed[obstacle] += 1
            return self._local.submit(member, done, saving)
        fit = self._ledger.enter(member, done, saving)
        with self._lock:
            self._cargo[fit] = cargo_of(member)
            self._users.update(self._cargo[fit].keys())
            self._arrivals.append(fit)
            under_way = self._thread is not None
        if under_way:
            self.start([fit])
        return fit

    def start(self, fits: Collection[Fit] | None = None) -> None:
        for obstacle in list(self._stayed):
            self._say(f"{_fits(self._stayed.pop(obstacle))} here, since {obstacle}.")
        self._local.start(fits)
        with self._lock:
            wanted = set(self._arrivals if fits is None else fits)
            arrivals = [fit for fit in self._arrivals if fit in wanted]
            self._arrivals = [fit for fit in self._arrivals if fit not in wanted]
            failure: BaseException | None = None
            try:
                self._waiting.add(arrivals)
                if self._thread is None and len(self._waiting):
                    thread = threading.Thread(target=self._work, name="kohort-cluster", daemon=True)
                    thread.start()
                    self._thread = thread
            except Exception as error:
                failure = error
                self._waiting.remove(arrivals)
        if failure is not None:
            self._fail(arrivals, failure)

    def relieve(self) -> None:
        self._local.relieve()

    def cancel(self, fits: Collection[Fit] | None = None) -> None:
        self._local.cancel(fits)
        with self._lock:
            ended = self._ledger.cancel(fits)
            self._waiting.remove(ended)
            self._arrivals = [fit for fit in self._arrivals if fit not in ended]
            for errand in self._errands.values():
                out = {fit for fit in errand.left if fits is None or fit in fits}
                errand.left -= out
                ended |= out
        for fit in ended:
            self._deliver(fit)

    def join(self, seconds: float | None = None) -> None:
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        self._local.join(seconds)

    def _floor(self, structure: Structure, waiting: int) -> int:
        """Members that fill a program; one, where a program need not be built for them."""
        if self._cluster.platform == "cpu":
            slots = plan.slots_of(structure, waiting)
            compiler = lent_compiler().serving(structure, CORE)
            return 1 if compiler.has_train(structure, slots, CORE) else slots
        return plan.slots_of(structure, waiting, self._cluster.platform)

    def _work(self) -> None:
        """The thread: hand out, listen, deliver, until nothing is left."""
        try:
            while self._hand_out():
                for task, news in self._cluster.wait(list(self._errands), _TICK):
                    self._heard = time.monotonic()
                    self._take(self._errands[task], news)
        except BaseException as error:
            with self._lock:
                left = [fit for fit in self._cargo if fit not in self._arrivals]
                self._waiting.remove(left)
                self._errands.clear()
                self._thread = None
            self._fail(left, error)

    def _hand_out(self) -> bool:
        """Send errands while there is room for them; whether anything is left to do."""
        places = self._cluster.places()
        with self._lock:
            for errand in self._errands.values():
                if errand.own and not errand.left and not errand.called_off:
                    errand.called_off = True
                    self._cluster.call_off(errand.task)
        while True:
            with self._lock:
                if not self._errands and not len(self._waiting):
                    self._thread = None
                    return False
                if not len(self._waiting) or len(self._errands) >= _AHEAD * max(1, places):
                    break
                batch = self._waiting.take(max(1, places), self._speed())
            self._launch(batch)
        self._complain(places)
        return True

    def _launch(self, batch: list[Fit]) -> None:
        """Send an errand; fits that cannot be sent fail."""
        try:
            cargo = [self._cargo.get(fit, {}) for fit in batch]
            parcel, pieces = pack([fit.member for fit in batch], cargo)
            for key, piece in pieces.items():
                if key not in self._handles:
                    self._handles[key] = self._cluster.keep(piece)
            handles = {key: self._handles[key] for key in pieces}
            terms = terms_of(self._cluster.cores, batch)
            task = self._cluster.launch(terms, parcel, list(handles.values()))
        except Exception as error:
            self._waiting.over(batch)
            self._fail(batch, error)
            return
        with self._lock:
            left = {fit for fit in batch if fit in self._ledger}
            self._errands[task] = _Errand(task, batch, handles, left, own=set(batch))

    def _complain(self, places: int) -> None:
        """Say it when nothing has moved for a while because there is no machine."""
        if places or time.monotonic() - self._heard < _PATIENCE:
            return
        self._heard = time.monotonic()
        self._say("no machine of the cluster has room for a fit; waiting for one that has.")

    def _speed(self) -> float | None:
        """Cost that a core works off in a second, compiling left out; None while nobody knows."""
        seconds = self._times.train + self._times.host
        return self._worked / seconds if self._worked and seconds else None

    def _take(self, errand: _Errand, news: News) -> None:
        """Take in news of an errand."""
        match news:
            case Report():
                self._report(errand, news)
                return
            case Lost():
                self._lost(errand, news)
            case Refused(error):
                self._fail(errand.left, error)
            case Over():
                missing = ClusterError("An errand ended without the result of this fit.")
                self._fail(errand.left, missing)
        with self._lock:
            del self._errands[errand.task]
            self._waiting.over(errand.fits)

    def _report(self, errand: _Errand, report: Report) -> None:
        self._times += report.times
        if not report.exact:
            errand.exact = False
            self._remark(errand.fits[0].member)
        with self._lock:
            begun = [fit for n in report.begun if (fit := errand.fits[n]) in errand.left]
            errand.begun.update(begun)
            endings = {errand.fits[n]: ending for n, ending in report.ended.items()}
            errand.own.difference_update(endings)
            endings = {fit: ending for fit, ending in endings.items() if fit in errand.left}
            errand.left.difference_update(endings)
        for fit in begun:
            self._ledger.begin(fit)
        for number, logs in report.logs.items():
            if errand.fits[number] in errand.left:
                _advance(errand.fits[number], logs)
        for number, snapshot in report.saved.items():
            self._save(errand, errand.fits[number], snapshot)
        for fit, ending in endings.items():
            fit.exact = errand.exact
            self._end(fit, ending)

    def _save(self, errand: _Errand, fit: Fit, snapshot: Snapshot) -> None:
        """Keep where a fit would go on, if its machine dies and if this process does."""
        if errand.exact and fit in errand.left and fit.saving is not None:
            errand.saved[fit] = snapshot
            fit.saving.take(snapshot)

    def _remark(self, member: Member) -> None:
        """Say once that a machine of the cluster rounds otherwise than this one."""
        if not self._remarked:
            self._remarked = True
            own = Numerics()(member)
            self._say(
                f"a machine of the cluster does not compute as this one does ({own}): its results "
                "are equal up to rounding, and no store keeps them. docs/cluster.md says more."
            )

    def _end(self, fit: Fit, ending: Ending) -> None:
        """Deliver a fit that has ended elsewhere."""
        self._worked += plan.cost_of(fit.member)
        try:
            tell(fit.member, ending.heard)
            fit.error = ending.error
        except Exception as error:  # A listener's error is its own fit's.
            fit.error = error
        if (outcome := ending.outcome) is not None:
            fit.result, fit.status = outcome, outcome.status
            fit.history.update(outcome.history)
        self._deliver(fit)

    def _lost(self, errand: _Errand, lost: Lost) -> None:
        """Hand out again the fits that an errand had not delivered when it died."""
        with self._lock:
            left = [fit for fit in errand.fits if fit in errand.left]
            training = [fit for fit in left if fit in errand.begun] or left
            untouched = [fit for fit in left if fit not in training]
            if lost.cargo:
                for key, handle in errand.cargo.items():
                    if self._handles.get(key) == handle:
                        del self._handles[key]
            for fit in training:
                if fit in errand.saved:
                    fit.member = replace(fit.member, resumed=errand.saved[fit])
                self._ledger.rewind(fit)
            given_up = self._waiting.again(training, untouched, self._most_deaths)
            self.repeated += len(left) - len(given_up)
        if left:
            self._say(f"a process died on the cluster ({lost.cause}); {_fits(len(left))} again.")
        self._fail(given_up, ClusterError(_deadly(self._most_deaths + 1, lost.cause)))

    def _deliver(self, fit: Fit) -> None:
        """Tell those that wait for a fit; forget its cargo, unless other fits need it."""
        with self._lock:
            if fit not in self._ledger:
                return
            self._waiting.ended(fit)
            for key in self._cargo.pop(fit):
                self._users[key] -= 1
                if not self._users[key]:
                    del self._users[key]
                    self._handles.pop(key, None)
        self._ledger.deliver(fit)

    def _fail(self, fits: Iterable[Fit], error: BaseException) -> None:
        for fit in list(fits):
            fit.error = error
            self._deliver(fit)


def _advance(fit: Fit, logs: Mapping[str, list[float]]) -> None:
    """Let a fit's history grow as that of its twin has grown."""
    for name, values in logs.items():
        fit.history.setdefault(name, []).extend(values)
    fit.epoch += len(next(iter(logs.values())))


def _fits(count: int) -> str:
    return "1 fit trains" if count == 1 else f"{count} fits train"


def _deadly(times: int, cause: str) -> str:
    return (
        f"The process that trained this fit, and no other, died {times} times ({cause}). "
        "If it ran out of memory, lower batch_size or give an errand more cores."
    )

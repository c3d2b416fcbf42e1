"""The interface of an executor, and the books that every executor keeps."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Protocol

from kohort.engine.fit import Fit
from kohort.engine.member import DIVERGED, PAUSED, STOPPED_EARLY, Member, Outcome
from kohort.engine.saving import Saving
from kohort.engine.times import Times
from kohort.errors import CancelledError

Done = Callable[[Fit], None]


class Executor(Protocol):
    """Trains submitted members. Each fit is delivered once: with a result, or with an error."""

    @property
    def threads(self) -> int:
        """Number of threads that train, >= 1."""
        ...

    @property
    def arrivals(self) -> int:
        """Number of members that wait for `start`."""
        ...

    @property
    def busy(self) -> bool:
        """Whether any submitted member has not ended."""
        ...

    def submit(self, member: Member, done: Done, saving: Saving | None = None) -> Fit:
        """Queue a member for training.

        Parameters
        ----------
        member : Member
            The fit to train.
        done : callable
            Called once with the `Fit`, from any thread, when the member has ended.
        saving : Saving or None, default=None
            Receives a snapshot of the member now and then; None for no snapshots.

        Returns
        -------
        Fit
            The member's place in the queue, later its outcome.
        """
        ...

    def start(self, fits: Collection[Fit] | None = None) -> None:
        """Let fits train that wait.

        Parameters
        ----------
        fits : collection of Fit or None, default=None
            The fits to train; None for all that wait.
        """
        ...

    def relieve(self) -> None:
        """Train waiting fits in the calling thread while no other thread trains.

        A thread that waits for a fit calls it now and then.
        """
        ...

    def cancel(self, fits: Collection[Fit] | None = None) -> None:
        """End fits with `CancelledError`.

        Parameters
        ----------
        fits : collection of Fit or None, default=None
            The fits to end; None for all.
        """
        ...

    def join(self, seconds: float | None = None) -> None:
        """Wait until no fit trains on any machine, or the time is over.

        Parameters
        ----------
        seconds : float or None, default=None
            The longest time to wait, >= 0; None to wait without end.
        """
        ...

    def census(self) -> Census:
        """Count the members that wait, train and have ended, on all of its machines.

        Returns
        -------
        Census
            One count for each state of a member.
        """
        ...

    def times(self) -> Times:
        """Add up the time that all threads of all machines have used so far.

        Returns
        -------
        Times
            Seconds by activity: compiling, training, the host's work, idling.
        """
        ...


@dataclass(frozen=True)
class Census:
    """Numbers of members by state, and the share of the epochs that is done.

    A member that goes on after a pause counts as one more. `epochs` is the number of trained
    epochs, `found` the number of ended members that a store gave back without training. `progress`
    is in [0, 1]: epochs done, as a share of the most that may be needed.
    """

    submitted: int = 0
    training: int = 0
    ended: int = 0
    stopped_early: int = 0
    diverged: int = 0
    paused: int = 0
    progress: float = 0.0
    epochs: int = 0
    found: int = 0

    @property
    def waiting(self) -> int:
        """Members that no slot has taken yet."""
        return self.submitted - self.training - self.ended

    def __add__(self, other: Census) -> Census:
        return Census(*map(sum, zip(astuple(self), astuple(other), strict=True)))


class Ledger:
    """Fits that were submitted, train and have ended, each with a function to call at its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[Fit, Done] = {}
        self._training: set[Fit] = set()
        self._statuses: Counter[str] = Counter()
        self._submitted = self._epochs = 0

    def __len__(self) -> int:
        """Number of fits that have not ended."""
        return len(self._done)

    def __contains__(self, fit: Fit) -> bool:
        return fit in self._done

    def enter(self, member: Member, done: Done, saving: Saving | None = None) -> Fit:
        """A fit of the member; `deliver` will call `done` with it."""
        fit = Fit(member, saving)
        with self._lock:
            self._submitted += 1
            self._done[fit] = done
        return fit

    def begin(self, fit: Fit) -> None:
        """Note that a fit trains."""
        with self._lock:
            self._training.add(fit)

    def rewind(self, fit: Fit) -> None:
        """Note that a fit has lost its progress and waits again."""
        with self._lock:
            self._training.discard(fit)
        fit.rewind()

    def deliver(self, fit: Fit) -> None:
        """Tell those that wait for the fit that it has ended; the first call counts."""
        with self._lock:
            done = self._done.pop(fit, None)
            self._training.discard(fit)
            if done is None:
                return
            self._statuses[fit.result.status if fit.result else "failed"] += 1
            self._epochs += fit.trained
        try:
            fit.release()
        except Exception as error:
            fit.error = fit.error or error
        finally:
            done(fit)

    def fail(self, fits: Iterable[Fit], error: BaseException) -> None:
        """Deliver those of the fits that have not ended with this error."""
        for fit in [fit for fit in fits if fit in self._done]:
            fit.error = error
            self.deliver(fit)

    def cancel(self, fits: Collection[Fit] | None) -> set[Fit]:
        """Mark fits (default: all) as cancelled; those of them that do not train yet."""
        with self._lock:
            wanted = set(self._done) if fits is None else set(fits) & set(self._done)
            for fit in wanted:
                fit.error = CancelledError("The search was interrupted before this fit had ended.")
                fit.stop()
            return wanted - self._training

    def census(self) -> Census:
        """Numbers for a progress bar."""
        with self._lock:
            training = list(self._training)
            ended = sum(self._statuses.values())
            partial = sum(fit.share for fit in training)
            return Census(
                submitted=self._submitted,
                training=len(training),
                ended=ended,
                stopped_early=self._statuses[STOPPED_EARLY],
                diverged=self._statuses[DIVERGED],
                paused=self._statuses[PAUSED],
                progress=ended + partial,
                epochs=self._epochs + sum(fit.trained for fit in training),
            )

    def steps(self) -> tuple[int, int]:
        """Fits that have ended, and steps of those that train: both stand still if all do."""
        with self._lock:
            ended = sum(self._statuses.values())
            return ended, sum(fit.step for fit in self._training)


_here = threading.local()


@contextmanager
def training_here() -> Iterator[None]:
    """Note that the calling thread trains inside the block, callbacks included."""
    before = trains_here()
    _here.trains = True
    try:
        yield
    finally:
        _here.trains = before


def trains_here() -> bool:
    """Whether the calling thread trains, so that a fit which it asked for would wait for it."""
    return getattr(_here, "trains", False)


def outcome_of(fit: Fit) -> Outcome:
    """The result of a fit that has ended, or the error that ended it."""
    if fit.error is not None:
        raise fit.error
    assert fit.result is not None
    return fit.result


def submit_all(
    executor: Executor, members: Iterable[Member], ended: Callable[[], None]
) -> list[Fit]:
    """Queue members; `ended` is called once, when the last of them has ended."""
    waiting = list(members)
    left, lock = len(waiting), threading.Lock()

    def done(fit: Fit) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = not left
        if last:
            ended()

    fits: list[Fit] = []
    try:
        for member in waiting:
            fits.append(executor.submit(member, done))
    except BaseException:
        executor.cancel(fits)
        raise
    return fits


def train_with(executor: Executor, members: list[Member]) -> list[Outcome]:
    """Train members, beside whatever else the executor trains, and wait for them.

    Returns
    -------
    list of Outcome, in the order of the members
    """
    ended = threading.Event()
    fits = submit_all(executor, members, ended.set)
    try:
        executor.start(fits)
        while fits and not ended.wait(0.2):
            executor.relieve()
    except BaseException:
        executor.cancel(fits)
        raise
    return [outcome_of(fit) for fit in fits]

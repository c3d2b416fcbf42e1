"""A member's progress on the host: cursor, history, early stopping. Plain Python, no arrays on a
device, so that every decision follows Keras's `EarlyStopping` in full precision.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Floats
from kohort.engine.member import (
    DIVERGED,
    FINISHED,
    PAUSED,
    STOPPED_BY_CALLBACK,
    STOPPED_EARLY,
    WAITING,
    Logs,
    Member,
    Outcome,
)
from kohort.engine.rows import LazyRows, Reader
from kohort.engine.saving import Saving
from kohort.engine.snapshot import Snapshot
from kohort.engine.structure import Structure


class Fit:
    """Progress of one member.

    Attributes
    ----------
    member : Member
    epoch, cursor, step : int
        Current epoch, steps done in it, steps done in all.
    status : str
    waited : float
        Seconds spent waiting for rows from files.
    exact : bool
        Whether the result is what this machine comes to, to the last bit.
    saving : Saving or None
        Receives a snapshot now and then.
    """

    def __init__(self, member: Member, saving: Saving | None = None) -> None:
        self.member = member
        self.epoch = member.begins
        self.cursor = 0
        self.step = self.epoch * self.steps_per_epoch
        self.status = WAITING
        self.cause = ""
        self.history: dict[str, list[float]] = {}
        self.best_epoch = 0
        self.best_row: Floats | None = None
        self.result: Outcome | None = None
        self.error: BaseException | None = None
        self.saving = saving
        self.kept: list[Floats] | None = None
        self._best = math.nan
        self._wait = 0
        self._loss_sum = 0.0
        self._order: NDArray[np.intp] | None = None
        self._reader: Reader | None = None
        self.waited, self.exact = 0.0, True
        self._pacer = member.pace.start()
        if member.resumed is not None:
            self._go_on(member.resumed)

    def _go_on(self, snapshot: Snapshot) -> None:
        """Take up the member's state at its pause; the snapshot stays as it is."""
        self.history = copy.deepcopy(snapshot.history)
        self.best_epoch, self.best_row = snapshot.best_epoch, snapshot.best_row
        self._best, self._wait = snapshot.best, snapshot.wait
        self._pacer = snapshot.pacer.copied()

    @classmethod
    def ended(cls, member: Member, outcome: Outcome) -> Fit:
        """The fit of a member whose outcome is known already."""
        fit = cls(member)
        fit.result, fit.history, fit.status = outcome, outcome.history, outcome.status
        fit.epoch, fit.best_epoch, fit.cause = outcome.epochs, outcome.best_epoch, outcome.cause
        return fit

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in an epoch, the last partial batch included."""
        return self.member.steps_per_epoch

    @property
    def remaining(self) -> int:
        """Steps to the end of the current epoch."""
        return self.steps_per_epoch - self.cursor

    @property
    def ahead(self) -> int:
        """Steps to the end of the current epoch, or to the next one that is probed."""
        instrument = self.member.instrument
        if instrument is None:
            return self.remaining
        return min(self.remaining, instrument.next(self.step + 1) - self.step)

    @property
    def probed(self) -> bool:
        """Whether the step that comes next is probed."""
        instrument = self.member.instrument
        return instrument is not None and instrument.next(self.step) == self.step

    @property
    def done(self) -> bool:
        """Whether the member has ended, for whatever reason."""
        return self.error is not None or self.status in (
            FINISHED,
            STOPPED_EARLY,
            STOPPED_BY_CALLBACK,
            DIVERGED,
            PAUSED,
        )

    @property
    def trained(self) -> int:
        """Epochs that ran to their end, those before it went on left out."""
        known = {} if self.member.resumed is None else self.member.resumed.history
        return len(self.history.get("loss", ())) - len(known.get("loss", ()))

    @property
    def share(self) -> float:
        """How much of the epochs that may be needed is done, in [0, 1]."""
        return self.trained / max(1, self.member.ends - self.member.begins)

    def upcoming(self, steps: int) -> NDArray[np.intp]:
        """Row numbers of the next `steps` batches."""
        if self._order is None:
            self._order = self.member.order.epoch(self.epoch)
        size = self.member.batch
        return self._order[self.cursor * size : (self.cursor + steps) * size]

    def open_rows(self) -> None:
        """Join the readers of the same files before any of them goes on."""
        x = self.member.rows.x
        if self._reader is None and isinstance(x, LazyRows):
            self._reader = x.reader(self.member.order, self.epoch, self.member.ends)

    def read(self, order: NDArray[np.intp], out: NDArray[Any]) -> None:
        """Copy the features of the next rows, which have these numbers, into `out`."""
        x = self.member.rows.x
        if not isinstance(x, LazyRows):
            np.take(x, order, axis=0, out=out, mode="clip")
            return
        self.open_rows()
        assert self._reader is not None
        self._reader.take(out)
        self.waited = self._reader.waited

    def release(self) -> None:
        """Let the loader of its rows go, if it has one."""
        if self._reader is not None:
            self._reader.close()

    def pace(self, steps: int) -> Floats:
        """The numbers of the next `steps` steps, (step, number) in the order of `PACE`."""
        return self._pacer.numbers(self.step, steps, self.steps_per_epoch)

    def advance(self, losses: Floats, chunk: int) -> None:
        """Take in the losses of the steps just run; those of a chunk are added up at once."""
        if self.member.on_steps is not None:
            self.member.on_steps(self.step, losses)
        if not np.isfinite(losses).all():
            self._diverge(int(np.argmin(np.isfinite(losses))))
            return
        size = self.member.batch
        counts = np.full(len(losses), size)
        self.cursor += len(losses)
        self.step += len(losses)
        if self.remaining == 0:
            counts[-1] = self.member.size - size * (self.steps_per_epoch - 1)
        for start in range(0, len(losses), chunk):
            part = slice(start, start + chunk)
            self._loss_sum += float(losses[part].astype(np.float64) @ counts[part])

    def end_epoch(self, logs: Logs) -> bool:
        """Record the epoch; `logs` are the validation's. True if its weights are the best so far.

        Follows Keras's `EarlyStopping(patience, min_delta, restore_best_weights=True)`.
        """
        stopping = self.member.stopping
        logs = {"loss": self._loss_sum / self.member.size, **logs}
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        epoch = self.epoch
        self.epoch, self.cursor, self._loss_sum, self._order = epoch + 1, 0, 0.0, None
        monitored = logs.get("val_loss", logs["loss"])
        if not math.isfinite(monitored):
            self.epoch = epoch
            self._diverge(None)
            return False
        self._pacer.end_epoch(monitored)
        if self.epoch >= self.member.epochs:
            self.status = FINISHED
        if stopping is None:
            self.best_epoch = epoch
            return False
        self._wait += 1
        if math.isnan(self._best) or monitored + stopping.min_delta < self._best:
            self._best, self._wait, self.best_epoch = monitored, 0, epoch
            return True
        if self._wait >= stopping.patience and epoch > 0:
            self.status = STOPPED_EARLY
        return False

    def rewind(self) -> None:
        """Forget the epochs of a lost training elsewhere; the history stays the same object."""
        fresh = Fit(self.member)
        self.epoch, self.status = fresh.epoch, fresh.status
        self.history.clear()
        self.history.update(fresh.history)

    def set_rate(self, rate: float) -> None:
        """Train with this learning rate from now on."""
        self._pacer.set_rate(rate)

    def stop(self, early: bool = False) -> None:
        """End the training because a callback asked for it, which may be early stopping."""
        if not self.done:
            self.status = STOPPED_EARLY if early else STOPPED_BY_CALLBACK

    def pause(self) -> None:
        """Pause, at the end of an epoch, if the time has come and nothing has ended the member."""
        if not self.done and self.epoch >= self.member.ends:
            self.status = PAUSED

    def snapshot(self, structure: Structure, params: Floats, state: Floats) -> Snapshot:
        """Where the member goes on, given its rows of a structure's program."""
        return Snapshot(
            structure, params, state, self.best_row, copy.deepcopy(self.history), self.epoch,
            self.best_epoch, self._best, self._wait, self._pacer.copied(),
        )  # fmt: skip

    def outcome(self, row: Floats) -> Outcome:
        """The result, given the current row of parameters."""
        chosen: Floats | None = self.best_row if self.best_row is not None else row
        if self.status == DIVERGED and self.best_row is None:
            chosen = None
        network, weights = self.member.network, None
        if chosen is not None:
            weights = network.layout.extract(chosen, network.shapes(self.member.units))
            if not all(np.isfinite(variable).all() for variable in weights[: network.essential]):
                weights = None
                if self.status == PAUSED:  # Its next step would diverge.
                    self.cause = self._cause(self.epoch, None)
                else:
                    self.epoch = max(0, self.epoch - 1)
                    self._diverge(None)
        return Outcome(
            weights, self.history, self.status, self.best_epoch, self.cause, kept=self.kept
        )

    def _diverge(self, offset: int | None) -> None:
        self.status, self.cause = DIVERGED, self._cause(self.epoch + 1, offset)

    def _cause(self, epoch: int, offset: int | None) -> str:
        where = "" if offset is None else f" (step {self.cursor + offset + 1} of the epoch)"
        return f"The loss became NaN or infinite in epoch {epoch}{where}{self.member.remedy}"

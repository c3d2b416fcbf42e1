"""A Keras model's training in a cohort, with its callbacks, in one part or in several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from kohort.cohort.session import train_members
from kohort.engine.member import Member, Outcome
from kohort.estimators.keras_models.callbacks import CallbackRun, ModelState, restored_epoch
from kohort.estimators.keras_models.training import Job, Ready, member_of
from kohort.studies.diagnosis.diagnosing import with_instruments
from kohort.studies.diagnosis.diagnosis import Diagnosis


class CohortRun:
    """A training that has begun, with all other fits of the open cohort.

    Parameters
    ----------
    ready : Ready
    job : Job

    Attributes
    ----------
    member : Member
    """

    def __init__(self, ready: Ready, job: Job) -> None:
        self._ready, self._job = ready, job
        self._state = ModelState(ready.model)
        self._callbacks: CallbackRun | None = None
        self._judge: Callable[[Outcome], Diagnosis] | None = None
        first = job.first_epoch
        if job.callbacks:
            size = len(job.rows.x) if job.train is None else len(job.train)
            steps = -(-size // ready.batch_size)
            self._callbacks = CallbackRun(job.callbacks, self._state, job.epochs, steps)
            first = self._callbacks.begin(first)
        member = replace(member_of(ready, job, self._state.rate), first_epoch=first)
        if self._callbacks is not None:
            member = replace(member, on_epoch=self._callbacks)
        if job.judge is not None:
            plain = member
            member, instruments = with_instruments(plain)
            self._judge = partial(job.judge, plain, instruments)
        self.member = member

    def train(self, members: list[Member]) -> list[Outcome]:
        """Train the member, as far as it shall go now."""
        if self.member.first_epoch >= self._job.epochs:
            return [Outcome(self.member.initial_variables())]
        return train_members(members, self._job.held, self._job.parameters, self._judge)

    def concluded(self, outcome: Outcome, ended: bool) -> Outcome:
        """Put an outcome's weights into the model, and return it as the model's callbacks leave it.

        Callbacks are told that training has ended only if `ended`.
        """
        model, run, tracing = self._ready.model, self._callbacks, self._ready.tracing
        assert tracing is not None
        if run is not None:
            run.catch_up(outcome, self.member.first_epoch)
        restored = restored_epoch(self._job.callbacks)
        if outcome.weights is None and (run is None or restored is None):
            return outcome
        best = outcome.best_epoch if restored is None else restored
        if run is None and not getattr(model.optimizer, "use_ema", False):
            return replace(outcome, best_epoch=best)
        self._state.put(outcome.weights or self._state.read())
        model.optimizer.finalize_variable_values(model.trainable_weights)
        history = outcome.history
        if run is not None:
            if ended:
                run.end()
            else:
                run.restore()
            history = {name: list(values) for name, values in run.history.items()}
        weights = [*self._state.read(), *tracing.arrays]
        return replace(outcome, best_epoch=best, history=history, weights=weights)

    def drop(self) -> None:
        """Let the callbacks of a training that is paused hear of its end."""
        if self._callbacks is not None:
            self._callbacks.end()

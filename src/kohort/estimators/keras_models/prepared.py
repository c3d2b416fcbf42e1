"""A Keras estimator's fit: its model built and traced for its data, before it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

from kohort.data.streams import Stream
from kohort.engine.member import Member, Outcome
from kohort.estimators.keras_models.training import (
    Job,
    Ready,
    member_of,
    optimizer_of,
    put_rate,
    rate_of,
)
from kohort.networks.lifted.keras_private import learning_rate_of

if TYPE_CHECKING:
    from kohort.estimators.keras_models.estimator import KerasEstimator


@dataclass(frozen=True, eq=False)
class KerasPrepared:
    """See `kohort.studies.prepared.Prepared`.

    Attributes
    ----------
    estimator : KerasEstimator
        The estimator, which has learned the form of its data and takes the outcomes.
    ready : Ready
        The model, traced for the batch size.
    job : Job
        Rows, and everything else that `fit` was asked for.
    data : mapping
        X and y, for a build function that asks for them.
    automatic : frozenset of str
    changed_rate : float or None
        Learning rate in place of the model's.
    """

    estimator: KerasEstimator
    ready: Ready
    job: Job
    data: Mapping[str, Any]
    automatic: frozenset[str] = frozenset()
    changed_rate: float | None = None

    @property
    def obstacle(self) -> str:
        return self.ready.obstacle or self.job.obstacle

    @property
    def members(self) -> list[Member]:
        if self.obstacle:
            return []
        return [member_of(self.ready, self.job, self.rate)]

    def seeded(self, seeds: Sequence[int]) -> list[Member]:
        (first,) = self.members
        models = (self.estimator._anew(seed, self.changed_rate, **self.data) for seed in seeds)
        return [
            replace(first, seed=seed, initial=ready.state())
            for seed, ready in zip(seeds, models, strict=True)
        ]

    @property
    def batch_size(self) -> int:
        return self.ready.batch_size

    @property
    def rate(self) -> float | None:
        return rate_of(self.ready.model) if self.changed_rate is None else self.changed_rate

    @property
    def schedule(self) -> object:
        return learning_rate_of(optimizer_of(self.ready.model))

    @property
    def adaptive(self) -> bool:
        return type(optimizer_of(self.ready.model)).__name__ != "SGD"

    def with_batch_size(self, size: int) -> Self:
        if size == self.ready.batch_size:
            return self
        return replace(self, ready=self.ready.with_batch_size(size, self.estimator.diagnose))

    def with_rate(self, rate: float) -> Self:
        if self.rate is not None:
            return replace(self, changed_rate=rate)
        # The optimizer's own schedule gives way, which takes a model that is compiled anew.
        ready = self.estimator._anew(self.job.seed, rate, **self.data)
        return replace(self, ready=ready, changed_rate=rate)

    def with_warmup(self, epochs: float) -> Self:
        return self

    def with_workers(self, workers: int) -> Self:
        rows = self.job.rows
        rows = replace(rows, x=cast(Stream, rows.x).with_workers(workers))
        return replace(self, job=replace(self.job, rows=rows))

    def typical(self) -> Self:
        return replace(self, job=replace(self.job, callbacks=[]))

    def differentiable(self) -> Self:
        return replace(self, ready=self.ready.as_trace())

    def put_rate(self) -> None:
        """Give the model the changed learning rate, if there is one."""
        put_rate(self.ready.model, self.changed_rate)

    def take(self, outcomes: Sequence[Outcome]) -> KerasEstimator:
        (outcome,) = outcomes
        return self.estimator._taken(self, outcome)

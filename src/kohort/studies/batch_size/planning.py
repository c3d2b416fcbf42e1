"""`kohort.plan_batch_size`: ask an estimator's own training program which batch size to use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from kohort.arrays import Estimator, Floats, TableLike, TargetsLike
from kohort.cohort.session import current, session
from kohort.data.pixel_store import reading_once
from kohort.deferred import jax, pd
from kohort.engine.devices import threads_of
from kohort.engine.member import Logs, Member, Verdict
from kohort.engine.memory import free_on
from kohort.engine.plan import structure_of
from kohort.engine.rows import LazyRows
from kohort.errors import ParameterError, explain
from kohort.recipe.constraints import Interval, check, optional
from kohort.studies.batch_size.batch_size_plan import BatchSizePlan, advised
from kohort.studies.batch_size.noise_scale import measured_noise_scale
from kohort.studies.batch_size.trials import Trial, Trials, silent
from kohort.studies.content import content_of
from kohort.studies.deadline import Deadline
from kohort.studies.prepared import Prepared, prepared_fit, refuse_own_batch_size

_SMALLEST, _LARGEST = 3, 16  # Powers of two.
_EPOCHS, _POINTS, _MOST_STEPS = 10, 4, 500
_PACE = 64
_SHARE = 0.6
"""Share of the time in which batch sizes are tried; the rest is for the noise scale."""
_AUTO_SECONDS = 10.0


def plan_batch_size(
    estimator: Estimator,
    X: TableLike,
    y: TargetsLike,
    *,
    memory: int | None = None,
    seconds: float = 60.0,
    **fit_params: Any,
) -> BatchSizePlan:
    """Measure which batch size to train with, and which learning rate goes with it.

    Batch sizes in powers of two are compiled and run on the data for a moment each; XLA's own
    buffer assignment gives the bytes of each program before it runs. A short training gives the
    gradient noise scale (McCandlish et al. 2018, arXiv:1812.06162), the batch size beyond which a
    larger batch learns less per example. The recommendation is the size with the least predicted
    time to a given loss.

    Parameters
    ----------
    estimator : DenseRegressor, DenseClassifier, KerasRegressor or KerasClassifier
        Not changed. Its batch size (32 where it is `"auto"`) and rate are where the advice starts.
    X, y : array-like
        Features and targets, as the estimator's `fit` takes them.
    memory : int or None, default=None
        Bytes that may be used, > 0; None for what the device has free.
    seconds : float, default=60
        Time for all measurements, compiling included, > 0. At least one batch size is measured; a
        measurement that would not end in time is not begun, and its figures are estimated from
        the others.
    **fit_params : object
        Further arguments of `fit`.

    Returns
    -------
    BatchSizePlan
        The recommended `batch_size` and `learning_rate`, and a `table` with a row per batch size.

    Raises
    ------
    ParameterError
        If the estimator is not kohort's, trains in Keras's own loop, or a parameter is out of
        range.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> plan = kohort.plan_batch_size(kohort.DenseRegressor(random_state=0), X, y, seconds=1)
    >>> plan.batch_size in set(plan.table["batch_size"])
    True
    """
    check("memory", memory, optional(Interval(1, np.inf, whole=True)))
    check("seconds", seconds, Interval(0, np.inf, "neither"))
    return measured_batch_sizes(estimator, X, y, memory, Deadline(seconds), fit_params)


def measured_batch_sizes(
    estimator: Estimator,
    X: TableLike,
    y: TargetsLike,
    memory: int | None,
    deadline: Deadline,
    fit_params: dict[str, Any],
    tell: Callable[[Trial], None] = silent,
) -> BatchSizePlan:
    """Plan a batch size like `plan_batch_size`, until a deadline; `tell` gets each timed size."""
    if not hasattr(estimator, "batch_size"):
        requirement = "a kohort estimator, which has a batch_size"
        raise ParameterError(explain("estimator", requirement, estimator))
    with reading_once():
        copy = clone(estimator)
        prepared = prepared_fit(copy, X, y, fit_params)
        refuse_own_batch_size(copy, prepared)
        available = free_on(_devices()[0]) if memory is None else memory
        table, longest = _tried(prepared, available, deadline.part(_SHARE), tell)
        noise = _noise(prepared.differentiable().members[0], deadline, longest)
        return _advised(prepared, table, noise, available)


def _devices() -> list[jax.Device]:
    """The devices of the open cohort's threads, or of all cores; one entry per thread."""
    cohort = current()
    return threads_of(None if cohort is None else cohort.threads)


def _tried(
    prepared: Prepared, memory: int, deadline: Deadline, tell: Callable[[Trial], None] = silent
) -> tuple[pd.DataFrame, float]:
    """Bytes and speeds of the batch sizes, and the seconds that the slowest to compile took."""
    trials = Trials(
        lambda size: prepared.with_batch_size(size).members[0],
        _sizes(prepared.members[0].size),
        _devices(),
        memory,
        deadline,
        tell,
    )
    trials.run()
    trials.repeat()
    table = trials.table()
    if not len(table):
        requirement = "enough for one member at the smallest batch size"
        raise ParameterError(explain("memory", requirement, memory))
    return table, trials.longest


def _advised(
    prepared: Prepared, table: pd.DataFrame, noise: tuple[float, list[float]], memory: int
) -> BatchSizePlan:
    devices = _devices()
    kind = devices[0].device_kind
    device = f"{len(devices)} cores" if kind == "cpu" else kind
    start, epochs = (prepared.batch_size, prepared.rate), prepared.members[0].epochs
    return advised(table, noise, start, prepared.adaptive, epochs, memory, device)


def _sizes(rows: int) -> list[int]:
    """Batch sizes to try for a number of training rows."""
    sizes = [2**power for power in range(_SMALLEST, _LARGEST + 1)]
    return [size for size in sizes if size <= rows] or [max(1, rows)]


def automatic_batch_size(prepared: Prepared) -> BatchSizePlan:
    """The plan that `batch_size="auto"` follows.

    Fits of one structure share their speeds and bytes, which do not depend on what is in the rows.
    The noise scale does: fits share it if they train alike on equal rows.
    """
    if prepared.obstacle:
        raise ParameterError(
            explain("batch_size", "a number for fits in Keras's own loop", "auto", "Use 32.")
        )
    (first,) = prepared.seeded([0])
    x, plans = first.rows.x, session().plans
    source = x.digest if isinstance(x, LazyRows) else x.shape[1:]
    available = free_on(_devices()[0])
    table, _ = plans.get_or_build(
        ("batch sizes", structure_of(first), source, tuple(_sizes(first.size)), len(_devices())),
        lambda: _tried(prepared, available, Deadline(_SHARE * _AUTO_SECONDS)),
    )
    noise = plans.get_or_build(
        ("noise scale", content_of(first, _PACE)),
        lambda: _noise(
            prepared.differentiable().seeded([0])[0], Deadline((1 - _SHARE) * _AUTO_SECONDS)
        ),
    )
    return _advised(prepared, table, noise, available)


def _noise(member: Member, deadline: Deadline, compiling: float = 0.0) -> tuple[float, list[float]]:
    """The noise scale over a short training, which takes at most half of the time.

    It needs a program of its own, which takes about as long to compile as that of the training:
    without time for it, nothing is measured.
    """
    if not deadline.allows(compiling):
        return float("nan"), []
    points = _points(member, deadline.before(compiling).part(0.5))
    return measured_noise_scale(member, points, deadline.before(compiling))


def _points(member: Member, deadline: Deadline) -> list[list[Floats]]:
    """Variables at several points of a short training, which ends when its time is over."""
    epochs = min(_EPOCHS, member.epochs)
    wanted = {round(point) for point in np.linspace(0, epochs - 1, min(_POINTS, epochs))}
    found: list[list[Floats]] = []

    def on_epoch(epoch: int, logs: Logs, weights: Callable[[], list[Floats]]) -> Verdict:
        if epoch in wanted:
            found.append([np.array(array) for array in weights()])
        return Verdict(stop=deadline.over)

    if deadline.over:
        return [member.initial_variables()]
    chosen = member.train
    if member.size > _MOST_STEPS * member.batch_size:
        chosen = member.order.epoch(0)[: _MOST_STEPS * member.batch_size]
    short = replace(
        member, epochs=epochs, stopping=None, train=chosen, validation=None, on_epoch=on_epoch,
        first_epoch=0,
    )  # fmt: skip
    session().train([short])
    return found or [member.initial_variables()]

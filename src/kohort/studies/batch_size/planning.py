"""`kohort.plan_batch_size`: ask an estimator's own training program which batch size to use."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from kohort.data.pixel_store import reading_once
from kohort.engine.devices import threads_of
from kohort.engine.executors.local import train
from kohort.engine.member import Floats, Logs, Member, Verdict
from kohort.engine.memory import free_on
from kohort.engine.plan import structure_of
from kohort.errors import ParameterError, explain
from kohort.recipe.constraints import Interval, check, optional
from kohort.studies.batch_size.batch_size_plan import BatchSizePlan, advised, measured
from kohort.studies.batch_size.noise_scale import measured_noise_scale
from kohort.studies.prepared import Prepared, prepared_fit, refuse_own_batch_size

_SMALLEST, _LARGEST = 3, 16  # Powers of two.
_EPOCHS, _POINTS = 10, 4
_AUTO_SECONDS = 10.0


def plan_batch_size(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    memory: int | None = None,
    seconds: float = 60.0,
    **fit_params: Any,
) -> BatchSizePlan:
    """Measure which batch size to train with, and which learning rate goes with it.

    Batch sizes in powers of two are compiled and run on the data for a moment each; XLA's own
    buffer assignment gives the bytes of each program before it runs. A short training gives the
    gradient noise scale of McCandlish et al. 2018 (arXiv:1812.06162), the batch size beyond which
    larger batches stop paying per example. The recommendation is the size with the least predicted
    time to a given loss.

    Parameters
    ----------
    estimator : DenseRegressor, DenseClassifier, KerasRegressor or KerasClassifier
        Not changed. Its batch size (32 where it is `"auto"`) and rate are where the advice starts.
    X, y
        As `fit` takes them.
    memory : int or None, default=None
        Bytes that may be used, > 0; None for what the device has free.
    seconds : float, default=60
        No further batch size is tried after this time, > 0. At least two are.
    **fit_params
        Further arguments of `fit`.

    Returns
    -------
    BatchSizePlan

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
    if not hasattr(estimator, "batch_size"):
        requirement = "a kohort estimator, which has a batch_size"
        raise ParameterError(explain("estimator", requirement, estimator))
    deadline = time.perf_counter() + seconds
    with reading_once():
        return planned(_prepared(clone(estimator), X, y, fit_params), memory, deadline)


def _prepared(copy: Any, X: Any, y: Any, fit_params: dict[str, Any]) -> Prepared:
    prepared = prepared_fit(copy, X, y, fit_params)
    refuse_own_batch_size(copy, prepared)
    return prepared


def planned(prepared: Prepared, memory: int | None, deadline: float) -> BatchSizePlan:
    """Measure batch sizes of a prepared fit until `time.perf_counter()` reaches the deadline."""
    first = prepared.members[0]
    devices = threads_of(None)
    available = free_on(devices[0]) if memory is None else memory
    noise = measured_noise_scale(first, _points(first))
    table = measured(
        lambda size: prepared.with_batch_size(size).members[0], _sizes(first.size), devices,
        available, lambda: time.perf_counter() > deadline,
    )  # fmt: skip
    if not len(table):
        requirement = "enough for one member at the smallest batch size"
        raise ParameterError(explain("memory", requirement, available))
    kind = devices[0].device_kind
    device = f"{len(devices)} cores" if kind == "cpu" else kind
    start = (prepared.batch_size, prepared.rate)
    return advised(table, noise, start, prepared.adaptive, first.epochs, available, device)


def _sizes(rows: int) -> list[int]:
    """Batch sizes to try for so many training rows."""
    sizes = [2**power for power in range(_SMALLEST, _LARGEST + 1)]
    return [size for size in sizes if size <= rows] or [max(1, rows)]


_plans: dict[Any, BatchSizePlan] = {}
_planning = threading.Lock()


def automatic_batch_size(prepared: Prepared) -> BatchSizePlan:
    """The plan that `batch_size="auto"` follows; fits of one structure and size share it."""
    if prepared.obstacle:
        raise ParameterError(
            explain("batch_size", "a number for fits in Keras's own loop", "auto", "Use 32.")
        )
    first = prepared.members[0]
    key = structure_of(first), round(np.log2(first.size))
    with _planning:
        if key not in _plans:
            _plans[key] = planned(prepared, None, time.perf_counter() + _AUTO_SECONDS)
    return _plans[key]


def _points(member: Member) -> list[list[Floats]]:
    """Variables at several points of a short training."""
    epochs = min(_EPOCHS, member.epochs)
    wanted = {round(point) for point in np.linspace(0, epochs - 1, min(_POINTS, epochs))}
    found: list[list[Floats]] = []

    def on_epoch(epoch: int, logs: Logs, weights: Any) -> Verdict:
        if epoch in wanted:
            found.append([np.array(array) for array in weights()])
        return Verdict()

    short = replace(
        member, epochs=epochs, stopping=None, validation=None, on_epoch=on_epoch, first_epoch=0
    )
    train([short], threads=1)
    return found or [member.initial_variables()]

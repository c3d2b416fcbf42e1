"""`kohort.plan_workers`: ask an estimator's own files and training how many workers they need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from kohort.arrays import Estimator, TableLike, TargetsLike
from kohort.cohort.session import session
from kohort.data.pixel_store import reading_once
from kohort.data.streams import Stream
from kohort.engine.devices import cores, threads_of
from kohort.engine.member import Member
from kohort.engine.plan import structure_of
from kohort.errors import ParameterError, explain
from kohort.recipe.constraints import Interval, check
from kohort.studies.deadline import Deadline
from kohort.studies.prepared import Prepared, prepared_fit
from kohort.studies.workers.worker_plan import (
    WorkerPlan,
    advised_workers,
    measured_workers,
    resident_speed,
    row_costs,
)

_AUTO_SECONDS = 15.0
_DOUBLINGS = 3


def plan_workers(
    source: TableLike,
    batch_size: int,
    estimator: Estimator,
    *,
    y: TargetsLike | None = None,
    seconds: float = 60.0,
) -> WorkerPlan:
    """Measure how many worker processes keep the training of an estimator busy.

    Training from memory, reading alone, and both at once are run on the user's own files and model
    for a moment each, for 0, 1, 2, 4 ... workers. The recommendation is the smallest number that
    comes within 5 % of the best speed of both at once.

    Parameters
    ----------
    source : list of paths of images, or ParquetTable
        The files to read, as the estimator's `fit` takes them.
    batch_size : int
        Rows of a batch, >= 1.
    estimator : ConvClassifier, ConvRegressor, DenseClassifier or DenseRegressor
        Not changed.
    y : array-like, default=None
        Targets; None for invented ones, of two classes or of one number.
    seconds : float, default=60
        Time for all measurements, compiling included, > 0. Training from memory and training
        without a worker are always measured; a measurement that would not end in time is not begun.

    Returns
    -------
    WorkerPlan
        The recommended number of `workers`, and a `table` with a row for each number tried.

    Raises
    ------
    ParameterError
        If the estimator does not read from files, or a parameter is out of range.
    KohortError
        If Grain is not installed.

    Examples
    --------
    >>> import kohort, numpy as np, pathlib, tempfile
    >>> from PIL import Image
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> paths = [folder / f"{number}.png" for number in range(40)]
    >>> for path in paths:
    ...     Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    >>> model = kohort.ConvClassifier(width=4, depth=1)
    >>> plan = kohort.plan_workers(paths, 8, model, seconds=1)
    >>> plan.workers in set(plan.table["workers"])
    True
    """
    check("batch_size", batch_size, Interval(1, np.inf, whole=True))
    check("seconds", seconds, Interval(0, np.inf, "neither"))
    return measured_plan(source, int(batch_size), estimator, y, Deadline(seconds))


def measured_plan(
    source: TableLike,
    batch_size: int,
    estimator: Estimator,
    y: TargetsLike | None,
    deadline: Deadline,
) -> WorkerPlan:
    """Plan workers as `plan_workers` does, until a deadline."""
    if not hasattr(estimator, "workers"):
        requirement = "an estimator that reads files, such as kohort.ConvClassifier"
        raise ParameterError(explain("estimator", requirement, estimator))
    targets = _made_up(estimator, len(source)) if y is None else y
    copy = clone(estimator).set_params(workers=0, batch_size=batch_size)
    with reading_once():
        prepared, plain = _streamed(copy, source, targets), None
        if getattr(copy, "augment", ()):
            plain = _streamed(clone(copy).set_params(augment=()), source, targets)
        return _plan(prepared, plain, deadline, 1)


def _streamed(copy: Estimator, source: TableLike, y: TargetsLike) -> Prepared:
    """A prepared fit whose rows stay in their files."""
    prepared = prepared_fit(copy, source, y, {})
    if not isinstance(prepared.members[0].rows.x, Stream):
        requirement = "files that a cohort can stream: a list of paths, or a ParquetTable"
        raise ParameterError(explain("source", requirement, source))
    return prepared


def _made_up(estimator: Estimator, rows: int) -> Any:
    numbers = np.arange(rows)
    return numbers % 2 if is_classifier(estimator) else numbers / rows


def _plan(prepared: Prepared, plain: Prepared | None, deadline: Deadline, least: int) -> WorkerPlan:
    """Measure numbers of workers for a prepared fit, and for it without augmentation if given.

    `least` numbers of workers are tried even if the deadline has passed.
    """
    device, batch_size = threads_of(None)[0], prepared.batch_size
    member, begin = _member(prepared), deadline.left
    training = resident_speed(member, device)
    compiling = begin - deadline.left
    table, unmeasured = measured_workers(member, _counts(), device, training, deadline, least)
    speeds = {batch_size: training}
    for doubling in range(1, _DOUBLINGS + 1):
        size = batch_size * 2**doubling
        if size > member.size or not deadline.allows(compiling):
            break
        speeds[size] = resident_speed(_member(prepared.with_batch_size(size)), device)
    bare = None
    if plain is not None and deadline.allows(compiling):
        bare = resident_speed(_member(plain), device)
    return advised_workers(table, speeds, row_costs(member), batch_size, bare, unmeasured)


def _member(prepared: Prepared) -> Member:
    return replace(prepared.members[0], validation=None)


def _counts() -> list[int]:
    """Numbers of workers to try."""
    return [0, *(2**power for power in range((2 * cores()).bit_length()))]


def automatic_workers(prepared: Prepared) -> WorkerPlan:
    """The plan that `workers="auto"` follows; fits of one structure on the same files share it."""
    if prepared.obstacle:
        requirement = "a number for fits in Keras's own loop"
        raise ParameterError(explain("workers", requirement, "auto", "Use 0."))
    first = prepared.members[0]
    x = first.rows.x
    assert isinstance(x, Stream)
    plan: WorkerPlan = session().plans.get_or_build(
        ("workers", structure_of(first), x.digest),
        lambda: _plan(prepared, None, Deadline(_AUTO_SECONDS), 2),
    )
    return plan

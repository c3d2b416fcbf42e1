"""The values of `"auto"`: batch size, learning rate and workers, measured before a fit trains."""

from __future__ import annotations

from typing import TypeVar

from kohort.arrays import Estimator
from kohort.studies.batch_size.planning import automatic_batch_size
from kohort.studies.learning_rate.range_test import automatic_rate
from kohort.studies.prepared import Prepared
from kohort.studies.workers.worker_planning import automatic_workers

_Fit = TypeVar("_Fit", bound=Prepared)


def settled(estimator: Estimator, prepared: _Fit) -> _Fit:
    """Put measured values in place of every `"auto"` of a prepared fit.

    The number of workers comes first, since the speed of a batch size depends on it; the rate
    comes last, since it depends on the batch size.

    Parameters
    ----------
    estimator : estimator
        Gets `worker_plan_`, `batch_size_plan_` and `rate_finding_`.
    prepared : Prepared

    Returns
    -------
    Prepared
        On the same data, which are neither checked nor scaled again.

    Raises
    ------
    ParameterError
        If something shall be measured of a fit that a cohort cannot train.
    """
    wanted = prepared.automatic
    if "workers" in wanted:
        estimator.worker_plan_ = automatic_workers(prepared)
        prepared = prepared.with_workers(estimator.worker_plan_.workers)
    if "batch_size" in wanted:
        estimator.batch_size_plan_ = plan = automatic_batch_size(prepared)
        prepared = prepared.with_batch_size(plan.batch_size).with_warmup(plan.warmup)
        if "learning_rate" not in wanted and prepared.rate is not None:
            prepared = prepared.with_rate(plan.rate_factor * prepared.rate)
    if "learning_rate" in wanted:
        estimator.rate_finding_ = found = automatic_rate(prepared, estimator._rate_parameter)
        if found.learning_rate is not None:
            prepared = prepared.with_rate(found.learning_rate)
    return prepared

"""Plans for training on data: which batch size, and how many workers to read files with."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from sklearn.pipeline import Pipeline

from kohort.cohort.together import together
from kohort.data.images import is_paths
from kohort.searches.problems.problem import Problem
from kohort.studies.batch_size.planning import plan_batch_size
from kohort.studies.workers.worker_planning import plan_workers


def plans_of(
    problem: Problem,
    settings: Mapping[str, Any],
    seed: int,
    *,
    memory: int | None = None,
    seconds: float = 60.0,
) -> list[Any]:
    """Plan how to train.

    Parameters
    ----------
    problem : Problem
    settings : mapping
        Parameters of the network that differ from their defaults.
    seed : int
    memory : int or None, default=None
        Bytes that may be used; None for what the device has free.
    seconds : float, default=60
        Time to measure for, for each plan.

    Returns
    -------
    list of plans
        The batch size, and for files that Grain can read the number of workers. Each has a
        `table`, and says in words what it recommends.
    """
    network, X, y = problem.network(settings, seed), problem.X, problem.labels
    if isinstance(network, Pipeline):
        X, network = network[:-1].fit_transform(X), network[-1]
    with together(progress=False):  # What one plan has read of files, the next need not.
        size = plan_batch_size(network, X, y, memory=memory, seconds=seconds)
        plans: list[Any] = [size]
        if is_paths(X) and find_spec("grain") is not None:
            plans.append(plan_workers(X, size.batch_size, network, y=y, seconds=seconds))
    return plans

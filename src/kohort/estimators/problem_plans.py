"""Plans for training on data: which batch size, how many workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.pipeline import Pipeline

from kohort.data.images import is_paths
from kohort.estimators.planning import plan_batch_size
from kohort.estimators.problem import Problem
from kohort.estimators.worker_planning import plan_workers


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
        Each has a `table`, and says in words what it recommends.
    """
    network, X = problem.network(settings, seed), problem.X
    if isinstance(network, Pipeline):
        X, network = network[:-1].fit_transform(X), network[-1]
    sizes = plan_batch_size(network, X, problem.labels, memory=memory, seconds=seconds)
    if not is_paths(X):
        return [sizes]
    workers = plan_workers(X, sizes.batch_size, network, y=problem.labels, seconds=seconds)
    return [sizes, workers]

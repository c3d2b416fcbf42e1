"""Plans for training on data: which batch size, and how many workers to read files with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from sklearn.pipeline import Pipeline

from kohort.cohort.together import together
from kohort.data.images import is_paths
from kohort.searches.problems.problem import Problem
from kohort.studies.batch_size.batch_size_plan import BatchSizePlan
from kohort.studies.batch_size.planning import measured_batch_sizes
from kohort.studies.batch_size.trials import silent
from kohort.studies.deadline import Deadline
from kohort.studies.workers.worker_plan import WorkerPlan
from kohort.studies.workers.worker_planning import measured_plan

_SHARE = 0.6
"""Share of the time for the batch size, where workers are planned for, too."""


def plans_of(
    problem: Problem,
    settings: Mapping[str, Any],
    seed: int,
    deadline: Deadline,
    *,
    memory: int | None = None,
    tell: Callable[[object], None] = silent,
) -> Iterator[BatchSizePlan | WorkerPlan]:
    """Plan how to train.

    Parameters
    ----------
    problem : Problem
    settings : mapping
        Parameters of the network that differ from their defaults.
    seed : int
    deadline : Deadline
        The end of the time to measure for, of all plans together.
    memory : int or None, default=None
        Bytes that may be used; None for what the device has free.
    tell : callable, default=silent
        Is given each batch size that was timed, as soon as it was, and a sentence on what was left
        out for lack of time.

    Yields
    ------
    plan
        The batch size, and for files that Grain can read the number of workers. Each has a
        `table`, and says in words what it recommends.
    """
    network, X, y = problem.network(settings, seed), problem.X, problem.labels
    if isinstance(network, Pipeline):
        X, network = network[:-1].fit_transform(X), network[-1]
    files = is_paths(X) and find_spec("grain") is not None
    with together(progress=False):  # The second plan uses the rows that the first has read.
        part = deadline.part(_SHARE) if files else deadline
        size = measured_batch_sizes(network, X, y, memory, part, {}, tell)
        yield size
        if files and deadline.over:
            tell("No time was left to measure how many workers to read with; give more seconds.")
        elif files:
            yield measured_plan(X, size.batch_size, network, y, deadline)

"""Plans for training on data share one time."""

from types import SimpleNamespace

import numpy as np
import pytest

from kohort.searches.problems import problem_plans
from kohort.studies.deadline import Deadline

pytest.importorskip("grain")


@pytest.mark.parametrize("used", [12.0, 21.0])
def test_workers_are_planned_for_in_the_time_that_is_left(monkeypatch, used):
    now, shares, told = [0.0], [], []

    def sizes(network, X, y, memory, deadline, parameters, tell):
        shares.append(deadline.left)
        now[0] += used
        return SimpleNamespace(batch_size=32)

    def workers(X, batch_size, network, y, deadline):
        return deadline.left

    monkeypatch.setattr(problem_plans, "measured_batch_sizes", sizes)
    monkeypatch.setattr(problem_plans, "measured_plan", workers)
    problem = SimpleNamespace(
        network=lambda settings, seed: None, X=np.array(["a.png", "b.png"]), labels=np.arange(2)
    )
    deadline = Deadline(20.0, lambda: now[0])
    _, *rest = problem_plans.plans_of(problem, {}, 0, deadline, tell=told.append)
    assert shares == [12.0]
    assert rest == ([8.0] if used == 12 else [])
    assert told == (
        [] if rest
        else ["No time was left to measure how many workers to read with; give more seconds."]
    )  # fmt: skip

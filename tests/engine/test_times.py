"""Times of training threads: what is not named otherwise is the host's."""

import time

from sklearn.datasets import load_diabetes

import kohort
from kohort.engine.times import Stopwatch, Times


def test_times_add_up_kind_by_kind():
    total = Times(1, 2, 3) + Times(10, 20, 30)
    assert total == Times(11, 22, 33)
    assert total - Times(10, 20, 30) == Times(1, 2, 3)


def test_a_stopwatch_gives_the_rest_to_the_host(monkeypatch):
    now = iter([0.0, 1.0, 3.0, 4.0, 4.5, 10.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    watch = Stopwatch()
    for kind in ("compile", "train"):
        with watch.spent_on(kind):
            pass
    assert watch.times() == Times(compile=2.0, train=0.5, host=7.5)


def test_the_times_of_a_search_add_up_to_its_threads_wall_time():
    X, y = load_diabetes(return_X_y=True)
    model = kohort.DenseRegressor(width=8, depth=1, epochs=2, random_state=0)
    search = kohort.GridSearchCV(model, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(X, y)
    times = search.cohort_times_
    assert set(times["seconds"]) == {"compile", "train", "host", "idle"}
    assert min(times["seconds"].values()) >= 0
    assert sum(times["seconds"].values()) >= times["wall"] * times["threads"] * (1 - 1e-9)
    assert times["seconds"]["train"] > 0
    assert times["programs_from_cache"] <= times["programs"]

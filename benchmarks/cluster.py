"""A Ray cluster of processes on this machine: two cores against one, overhead a fit, deaths.

`faults`, which `python -m benchmarks kills` runs: the demo's fits on three machines of one core, of
which one is killed when a quarter has ended and another joins at a half; every outcome is compared
with that of one machine, bit by bit.
`cores`: the same fits on one core of this process, and on one and two machines of one core.
`overhead`: 1,000 small fits on one machine of one core, against the same in this process.
`driver`: what the driver pays for an errand and for a fit; `cluster_simulation` goes on from there.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from examples import california_housing as demo

from benchmarks import __main__ as table_of
from benchmarks import side

SMALL = 1000


def members(search: Any, *data: Any, **parameters: Any) -> list[Any]:
    """The members that a search hands to the engine, without its last fit; none is trained."""
    import kohort
    from kohort.engine.executors.local import LocalExecutor
    from kohort.engine.fit import Fit
    from kohort.engine.member import Outcome

    found: list[Any] = []

    class Recording(LocalExecutor):
        def submit(self, member: Any, done: Any, saving: Any = None) -> Any:
            found.append(member)
            logs = {"loss": [0.0], "val_loss": [0.0]}
            fit = Fit.ended(member, Outcome(member.initial_variables(), logs))
            done(fit)
            return fit

    search.set_params(refit=False)
    with kohort.together(executor=Recording(), progress=False):
        search.fit(*data, **parameters)
    return found


def chapter10(candidates: int = demo.CANDIDATES) -> list[Any]:
    parts = side.california()
    return members(demo.search(candidates), *parts["train"], validation_data=parts["valid"])


def small() -> list[Any]:
    import kohort

    X, y = side.california()["train"]
    model = kohort.DenseRegressor(depth=2, width=32, epochs=3, early_stopping=False, random_state=0)
    space = {"learning_rate": np.geomspace(1e-4, 1e-2, SMALL // 2)}
    return members(kohort.GridSearchCV(model, space, cv=2), X[:1000], y[:1000])


@contextmanager
def cluster(machines: int) -> Iterator[tuple[Any, list[Any]]]:
    """A head without cores, and machines of one core."""
    import ray
    from ray.cluster_utils import Cluster

    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        yield made, [made.add_node(num_cpus=1) for _ in range(machines)]
    finally:
        ray.shutdown()
        made.shutdown()


def timed(executor: Any, fits: list[Any]) -> tuple[float, list[Any]]:
    """Seconds until all have ended, and what became of them; nothing runs any more."""
    from kohort.engine.executors.base import train_with

    begin = time.perf_counter()
    outcomes = train_with(executor, fits)
    seconds = time.perf_counter() - begin
    executor.join()  # Ray ends a process in which a thread still listens when it is shut down.
    return seconds, outcomes


def connected(machines: int, made: Any, fits: list[Any], lines: list[str] | None = None) -> Any:
    """An executor whose machines have all trained something, so that their processes run."""
    import kohort
    from kohort.engine.executors.cluster.executor import ClusterExecutor
    from kohort.engine.executors.ray import RayCluster

    tell: Callable[[str], None] = print if lines is None else lines.append
    for _ in range(3):
        timed(kohort.RayExecutor(made.address), fits[: 4 * machines])
    return ClusterExecutor(RayCluster(made.address, 1, 0, None), say=tell)


def faults_side() -> dict[str, Any]:
    from kohort.engine.executors.local import LocalExecutor

    fits = chapter10()
    _, expected = timed(LocalExecutor(), fits)
    lines: list[str] = []
    with cluster(3) as (made, nodes), ThreadPoolExecutor(1) as pool:
        executor = connected(3, made, fits, lines)
        begin = time.perf_counter()
        running = pool.submit(timed, executor, fits)
        _once_ended(executor, len(fits) // 4)
        made.remove_node(nodes[0], allow_graceful=False)
        _once_ended(executor, len(fits) // 2)
        made.add_node(num_cpus=1)
        _, outcomes = running.result()
        seconds = time.perf_counter() - begin
    return {
        "seconds": seconds,
        "fits": len(outcomes),
        "equal": sum(map(_equal, outcomes, expected)),
        "trained again": executor.repeated,
        "told": " ".join(lines),
    }


def _once_ended(executor: Any, count: int) -> None:
    while executor.census().ended < count:
        time.sleep(0.01)


def _equal(one: Any, other: Any) -> bool:
    return one.history == other.history and all(map(np.array_equal, one.weights, other.weights))


def cores_side() -> dict[str, Any]:
    """The better of two rounds each, begun and ended by one core."""
    from kohort.engine.executors.local import LocalExecutor

    fits = chapter10()
    timed(LocalExecutor(1), fits[:10])
    alone = [timed(LocalExecutor(1), fits)[0]]
    with cluster(1) as (made, _):
        one, _ = timed(connected(1, made, fits), fits)
    with cluster(2) as (made, _):
        executor = connected(2, made, fits)
        two = min(timed(executor, fits)[0] for _ in range(2))
    alone.append(timed(LocalExecutor(1), fits)[0])
    return {
        "seconds": two,
        "one machine": one,
        "one core of this process": min(alone),
        "times as fast as one core": min(alone) / two,
        "times as fast as one machine": one / two,
    }


def overhead_side() -> dict[str, Any]:
    from kohort.engine.executors.local import LocalExecutor

    fits = small()
    alone = min(timed(LocalExecutor(1), fits)[0] for _ in range(2))
    with cluster(1) as (made, _):
        executor = connected(1, made, fits)
        seconds, _ = timed(executor, fits)
    return {
        "seconds": seconds,
        "one core of this process": alone,
        "overhead_ms_per_fit": (seconds - alone) / len(fits) * 1e3,
    }


def driver_side() -> dict[str, Any]:
    """Seconds and bytes of what the driver does for a fit and for an errand."""
    from kohort.engine.executors.cluster.parcels import Customs, cargo_of, pack
    from kohort.engine.executors.local import train

    fits = chapter10(20)
    outcomes = train(fits)
    begin = time.perf_counter()
    customs = Customs()
    cargo = [cargo_of(fit) for fit in fits]
    obstacles = [customs.obstacle(fit) for fit in fits]
    parcel, pieces = pack(fits, cargo)
    packing = time.perf_counter() - begin
    assert not any(obstacles)
    back = pickle.dumps(outcomes, protocol=5)
    begin = time.perf_counter()
    pickle.loads(back)
    unpacking = time.perf_counter() - begin
    tables = sum(len(pickle.dumps(piece, protocol=5)) for piece in pieces.values())
    errand, report = _ray_costs()
    return {
        "seconds": packing + unpacking,
        "ms_per_fit": (packing + unpacking) / len(fits) * 1e3,
        "ms_per_errand": errand * 1e3,
        "ms_per_report": report * 1e3,
        "bytes_out_per_fit": len(parcel) / len(fits),
        "bytes_back_per_fit": len(back) / len(fits),
        "bytes_of_tables": tables,
    }


def _ray_costs(errands: int = 500, reports: int = 10) -> tuple[float, float]:
    """Processor seconds of this process for an empty task, and for each object that it streams."""
    import ray

    with cluster(1) as (made, _):
        ray.init(made.address, logging_level="warning", log_to_driver=False)

        @ray.remote(num_returns="streaming", max_retries=0)
        def task(count: int) -> Iterator[int]:
            yield from (number for number in range(count))  # Ray wants a generator.

        def cost(count: int) -> float:
            begin = time.process_time()
            waiting = [task.remote(count) for _ in range(errands)]
            while waiting:
                for one in ray.wait(waiting, num_returns=1, timeout=1)[0]:
                    try:
                        ray.get(next(one))
                    except StopIteration:
                        waiting.remove(one)
            return (time.process_time() - begin) / errands

        cost(1)
        few, many = cost(0), cost(reports)
    return few, (many - few) / reports


def compare() -> dict[str, Any]:
    """Run the parts that are timed, each in a process of its own."""
    name = "benchmarks.cluster"
    parts = ("cores", "overhead", "driver")
    sides = {part: side.run(name, part) for part in parts}
    return {
        "title": "A Ray cluster of this machine's processes, one core each",
        "sides": sides,
        "ratios": {"one core": sides["cores"]["times as fast as one core"]},
        "wanted": {"one core": 1.8},
        "more": ["Two machines of one core."],
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(globals()[f"{sys.argv[1]}_side"]()))
    else:
        table_of.main(["cluster"])

"""The cost of `diagnose=True`: members with and without instruments, in paired runs.

Engine alone: the members' data are ready, all programs are compiled before, and both sides train
the same members for the same epochs. Processor times are compared, so that other work on the
machine matters less.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import side

REPEATS, MEMBERS = 7, 8
KINDS: dict[str, dict[str, Any]] = {
    "2 x 50, batch 32": {"depth": 2, "width": 50},
    "3 x 128, batch 32": {"depth": 3, "width": 128},
    "2 x 50, batch 32, batch norm": {"depth": 2, "width": 50, "batch_norm": "before"},
    "8 x 64, batch 128": {"depth": 8, "width": 64, "batch_size": 128},
}


def _members(fields: dict[str, Any]) -> list[Any]:
    import kohort

    X, y = side.california()["train"]
    X, y = X[:8000], y[:8000]
    found: list[Any] = []
    for seed in range(MEMBERS):
        estimator = kohort.DenseRegressor(
            **fields, epochs=12, early_stopping=False, random_state=seed
        )
        found += estimator.prepare(X, y).members
    return [replace(member, rows=found[0].rows) for member in found]


def cost_side() -> dict[str, Any]:
    from kohort.engine.executors.local import train
    from kohort.studies.diagnosis.diagnosing import with_instruments

    shares: dict[str, float] = {}
    probes = steps = 0
    start = time.perf_counter()
    for name, fields in KINDS.items():
        members = _members(fields)
        ratios = []
        for repeat in range(REPEATS + 1):
            watched = [with_instruments(member) for member in members]
            runs = [(False, members), (True, [member for member, _ in watched])]
            seconds = {}
            for watching, chosen in runs if repeat % 2 else runs[::-1]:
                begin = time.process_time()
                train(chosen, threads=1)
                seconds[watching] = time.process_time() - begin
            ratios.append(seconds[True] / seconds[False])
        shares[name] = float(np.median(ratios[1:]))  # The first run compiles.
        probes += sum(len(instruments.steps) for _, instruments in watched)
        steps += sum(len(instruments.losses) for _, instruments in watched)
    return {
        "seconds": time.perf_counter() - start,
        "probes_per_1000_steps": 1000 * probes / steps,
        **{f"{name}: time with over without": share for name, share in shares.items()},
    }


def compare() -> dict[str, Any]:
    """Measure every kind of network."""
    found = side.run("benchmarks.diagnosis_cost", "cost")
    return {
        "title": f"Training with instruments against without, {MEMBERS} members, median of "
        f"{REPEATS} paired runs",
        "sides": {"diagnose": found},
    }


if __name__ == "__main__":
    print(json.dumps(globals()[f"{sys.argv[1]}_side"]()))

"""The cost of a search of 1,000 fits beside training, and whether memory stays flat.

The training alone is the same 1,000 members handed straight to the engine; the rest is
scikit-learn, joblib, scaling, splitting, scoring and waiting. Then ten searches of 100 fits in one
process, and the initial weights of 1,000 members.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import side

CANDIDATES, FOLDS, REPEATS = 500, 2, 10


def resident() -> int:
    """Bytes of memory that this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _search(candidates: int) -> Any:
    import kohort

    estimator = kohort.DenseRegressor(
        depth=2, width=32, epochs=3, early_stopping=False, random_state=0
    )
    return kohort.GridSearchCV(
        estimator, {"learning_rate": np.geomspace(1e-4, 1e-2, candidates)}, cv=FOLDS, refit=False
    )


def search_side() -> dict[str, Any]:
    from kohort.cohort.session import current
    from kohort.engine.executors import local
    from kohort.engine.member import Member

    X, y = side.california()["train"]
    X, y = X[:1000], y[:1000]
    _search(8).fit(X, y)  # Compiles.
    members: list[Member] = []
    submit = local.LocalExecutor.submit

    def recording(self: Any, member: Member, done: Any) -> Any:
        members.append(member)
        return submit(self, member, done)

    local.LocalExecutor.submit = recording  # type: ignore[method-assign]
    start = time.perf_counter()
    _search(CANDIDATES).fit(X, y)
    whole = time.perf_counter() - start
    local.LocalExecutor.submit = submit  # type: ignore[method-assign]
    start = time.perf_counter()
    local.train(members)
    training = time.perf_counter() - start
    assert current() is None
    return {
        "seconds": whole,
        "fits": len(members),
        "training_seconds": training,
        "overhead_ms_per_fit": (whole - training) / len(members) * 1e3,
    }


def memory_side() -> dict[str, Any]:
    X, y = side.california()["train"]
    sizes = []
    start = time.perf_counter()
    for _ in range(REPEATS):
        _search(50).fit(X[:2000], y[:2000])
        sizes.append(resident() / 2**20)
    return {
        "seconds": time.perf_counter() - start,
        "resident_mib": [round(size, 1) for size in sizes],
        "growth_after_second": sizes[-1] / sizes[1] - 1,
    }


def initialization_side() -> dict[str, Any]:
    from kohort.engine.member import Member, Rows
    from kohort.networks.own.fields import fields_of
    from kohort.recipe.recipe import Recipe

    recipe = Recipe.of(depth=3, width=50, loss="mse")
    fields = fields_of(recipe, 8, 1)
    rows = Rows(np.zeros((1, 8), np.float32), np.zeros((1, 1), np.float32))
    packed = np.zeros((1000, fields["network"].layout.size), np.float32)
    start = time.perf_counter()
    for seed in range(1000):
        member = Member(**fields, rows=rows, seed=seed)
        fields["network"].layout.embed(member.initial_variables(), packed[seed])
    return {"seconds": time.perf_counter() - start, "members": 1000}


def compare() -> dict[str, Any]:
    """Run every part."""
    name = "benchmarks.overhead"
    sides = {part: side.run(name, part) for part in ("search", "memory", "initialization")}
    return {
        "title": "1,000 fits: overhead beside training; memory over ten searches; initial weights",
        "sides": sides,
    }


if __name__ == "__main__":
    print(json.dumps(globals()[f"{sys.argv[1]}_side"]()))

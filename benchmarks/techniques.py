"""The cost per step of each technique, and the programs that a search over them compiles.

Steps: 3 hidden layers of 64 units, 8 features, batch 32, on one core; each technique against the
bare network of the same optimizer, in turns, the fastest of many chunks of 64 steps. The classic
optimizers are compared with sgd on 8 slots of 3x64.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from benchmarks import side
from benchmarks.steps import STEPS, Steps

FEATURES, BATCH, UNITS, ROUNDS, CHUNKS = 8, 32, (64, 64, 64), 12, 12
TECHNIQUES: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": 0.2},
    "alpha dropout": {"alpha_dropout": 0.1},
    "input dropout": {"input_dropout": 0.1},
    "Gaussian noise": {"gaussian_noise": 0.1},
    "batch norm before": {"batch_norm": "before"},
    "batch norm after": {"batch_norm": "after"},
    "layer norm": {"layer_norm": "before"},
    "clipvalue": {"clipvalue": 0.5},
    "clipnorm": {"clipnorm": 1.0},
    "global_clipnorm": {"global_clipnorm": 1.0},
    "L1": {"l1": 1e-5},
    "L2": {"l2": 1e-4},
    "max-norm": {"max_norm": 3.0},
    "EMA": {"ema_momentum": 0.99},
    "weight decay": {"weight_decay": 0.004},
    "1cycle with warm-up": {"schedule": "1cycle", "warmup": 2},
}
WANTED = {
    "dropout": 1.3, "batch norm before": 1.6, "batch norm after": 1.6, "clipvalue": 1.2,
    "clipnorm": 1.2, "global_clipnorm": 1.2, "L1": 1.2, "L2": 1.2, "max-norm": 1.2, "EMA": 1.2,
}  # fmt: skip
OPTIMIZERS = "sgd momentum nesterov adagrad rmsprop adam adamax nadam adadelta lion muon".split()
CLASSIC = OPTIMIZERS[:8]


def steps_of(slots: int, **fields: Any) -> Steps:
    """Steps of the eleventh epoch; the kernels serve what they know, XLA the rest."""
    from kohort.engine.compilers.current import best_compiler

    fields = {"optimizer": "adam", "depth": len(UNITS), "width": UNITS, **fields}
    return Steps(best_compiler(), slots, BATCH, FEATURES, first_epoch=10, **fields)


def step_times(programs: dict[str, Steps], slots: int) -> dict[str, float]:
    """Microseconds per step and slot of each program: the least over rounds taken in turns."""
    least = dict.fromkeys(programs, float("inf"))
    for _ in range(ROUNDS):
        for name, steps in programs.items():
            for _ in range(CHUNKS):
                start = time.perf_counter()
                steps()
                seconds = time.perf_counter() - start
                least[name] = min(least[name], seconds / STEPS / slots * 1e6)
    return least


def steps_side() -> dict[str, Any]:
    start = time.perf_counter()
    programs = {"bare": steps_of(2)}
    programs |= {name: steps_of(2, **fields) for name, fields in TECHNIQUES.items()}
    times = step_times(programs, 2)
    return {
        "seconds": time.perf_counter() - start,
        "bare_us": times["bare"],
        "ratios": {name: times[name] / times["bare"] for name in TECHNIQUES},
        "compile_seconds": {name: steps.compile_seconds for name, steps in programs.items()},
    }


def optimizers_side() -> dict[str, Any]:
    start = time.perf_counter()
    times = step_times({name: steps_of(8, optimizer=name) for name in OPTIMIZERS}, 8)
    return {
        "seconds": time.perf_counter() - start,
        "sgd_us": times["sgd"],
        "ratios": {name: times[name] / times["sgd"] for name in OPTIMIZERS},
    }


def grid_side() -> dict[str, Any]:
    """360 candidates x 3 folds over schedules, warm-ups, clipping, dropout and L2."""
    from sklearn.datasets import load_diabetes

    import kohort
    from kohort.engine.programs import compilations

    X, y = load_diabetes(return_X_y=True)
    estimator = kohort.DenseRegressor(
        depth=2, width=32, epochs=5, early_stopping=False, learning_rate=3e-3, random_state=0
    )
    grid = {
        "schedule": ["constant", "exponential", "cosine", "1cycle", "performance"],
        "warmup": [0, 0.1, 0.2, 1],
        "global_clipnorm": [None, 0.5, 2.0],
        "dropout": [0.0, 0.1, 0.3],
        "l2": [0.0, 1e-4],
    }
    search = kohort.GridSearchCV(estimator, grid, cv=3)
    start = time.perf_counter()
    with compilations() as log:
        search.fit(X, y)
    return {
        "seconds": time.perf_counter() - start,
        "candidates": len(search.cv_results_["params"]),
        "fits": 3 * len(search.cv_results_["params"]) + 1,
        "training_programs": sum(entry.kind == "train" for entry in log),
        "programs": len(log),
        "best_r2": search.best_score_,
    }


def compare() -> dict[str, Any]:
    """Run every part."""
    name = "benchmarks.techniques"
    sides = {part: side.run(name, part) for part in ("steps", "optimizers", "grid")}
    lines = ["| technique | time of a step, bare = 1 | wanted |", "|---|---|---|"]
    for technique, ratio in sides["steps"]["ratios"].items():
        wanted = f"<= {WANTED[technique]}" if technique in WANTED else ""
        lines.append(f"| {technique} | {ratio:.2f} | {wanted} |")
    lines += ["", "| optimizer | time of a step, sgd = 1 | wanted |", "|---|---|---|"]
    for optimizer, ratio in sides["optimizers"]["ratios"].items():
        wanted = "<= 1.5" if optimizer in CLASSIC else ""
        lines.append(f"| {optimizer} | {ratio:.2f} | {wanted} |")
    return {
        "title": "What a technique costs per step; programs of a search over 360 candidates",
        "sides": sides,
        "more": lines,
    }


if __name__ == "__main__":
    parts = {"steps": steps_side, "optimizers": optimizers_side, "grid": grid_side}
    print(json.dumps(parts[sys.argv[1]]()))

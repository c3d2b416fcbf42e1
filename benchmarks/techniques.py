"""What each technique costs per step, and how many programs a search over techniques compiles.

Steps: 3 hidden layers of 64 units, 8 features, batch 32, on one core; each technique against the
bare network of the same optimizer, in turns, the fastest of many chunks of 64 steps. The classic
optimizers are compared with sgd on 8 slots of 3x64.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks import side

FEATURES, BATCH, UNITS, ROUNDS, CHUNKS, STEPS = 8, 32, (64, 64, 64), 12, 12, 64
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


def program_of(slots: int, **fields: Any) -> tuple[Any, list[Any], float]:
    """A training program of 64 steps, its arguments, the seconds it took to compile.

    The kernels serve what they know, XLA the rest, as in a search.
    """
    from kohort.engine.compilers.current import best_compiler
    from kohort.engine.devices import threads_of
    from kohort.engine.member import Member, Rows
    from kohort.engine.plan import structure_of
    from kohort.engine.programs import compilations
    from kohort.engine.train import Chunk
    from kohort.networks.own.fields import fields_of
    from kohort.recipe.pace import pace
    from kohort.recipe.recipe import Recipe

    recipe = Recipe.of(loss="mse", depth=len(UNITS), width=UNITS, **{"optimizer": "adam", **fields})
    fields = fields_of(recipe, FEATURES, 1)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(slots, STEPS, BATCH, FEATURES)).astype(np.float32)
    y = x[..., :1] * x[..., 1:2]
    rows = Rows(x[0, 0], y[0, 0])
    members = [Member(**fields, rows=rows, seed=seed) for seed in range(slots)]
    structure = structure_of(members[0])
    params = np.zeros((slots, structure.network.layout.size), np.float32)
    for member, row in zip(members, params, strict=True):
        structure.network.layout.embed(member.initial_variables(), row)
    device = threads_of(1)[0]
    compiler = best_compiler().serving(structure, device)
    state = np.tile(compiler.packing(structure).initial, (slots, 1))
    steps = pace(recipe, 10_000, STEPS, 1000).astype(np.float32)
    chunk = Chunk(
        x=x,
        y=y,
        weight=np.full(x.shape[:3], 1 / BATCH, np.float32),
        rows=np.full(x.shape[:2], BATCH, np.int32),
        pace=np.tile(steps, (slots, 1, 1)),
        numbers=np.tile(np.float32(recipe.numbers()), (slots, 1)),
        units=np.tile(np.int32(UNITS), (slots, 1)),
        seed=np.arange(slots, dtype=np.uint32),
        first=np.full(slots, 10_000, np.int32),
        steps=np.asarray(STEPS, np.int32),
    )
    state = state if state.size else state[:0]
    arguments: list[Any] = [compiler.put(array, device) for array in (params, state)]
    arguments.append(Chunk(*(compiler.put(array, device) for array in chunk)))
    with compilations() as log:
        program = compiler.train(structure, slots, device)
    return program, arguments, sum(entry.seconds for entry in log)


def step_times(programs: dict[str, tuple[Any, list[Any], float]]) -> dict[str, float]:
    """Microseconds per step and slot of each program: the least over rounds taken in turns."""
    least = dict.fromkeys(programs, float("inf"))
    for _ in range(ROUNDS):
        for name, (compiled, arguments, _) in programs.items():
            for _ in range(CHUNKS):
                start = time.perf_counter()
                params, state, losses, _ = compiled(*arguments)
                losses = np.asarray(losses)
                seconds = time.perf_counter() - start
                arguments[:2] = params, state
                least[name] = min(least[name], seconds / losses.size * 1e6)
    return least


def steps_side() -> dict[str, Any]:
    start = time.perf_counter()
    programs = {"bare": program_of(2)}
    programs |= {name: program_of(2, **fields) for name, fields in TECHNIQUES.items()}
    times = step_times(programs)
    return {
        "seconds": time.perf_counter() - start,
        "bare_us": times["bare"],
        "ratios": {name: times[name] / times["bare"] for name in TECHNIQUES},
        "compile_seconds": {name: entry[2] for name, entry in programs.items()},
    }


def optimizers_side() -> dict[str, Any]:
    start = time.perf_counter()
    times = step_times({name: program_of(8, optimizer=name) for name in OPTIMIZERS})
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

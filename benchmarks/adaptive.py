"""How many epochs does the adaptive search need for the score of 100 random candidates?

`python -m benchmarks adaptive [--tables NAME ...] [--seeds N] [--rows N]`

On each table and seed `RandomizedSearchCV` tries 100 candidates of the command line's space in 3
folds; `AdaptiveSearchCV` may try 200, and stops once it has their best score and a quarter of their
epochs behind it, or all of their epochs. Epochs are counted over all folds and to the end of each
round; they depend on no clock and on no neighbour. A candidate of the adaptive search counts once
it has trained to its end. At equal epochs the random search is the mean over 200 orders of its
candidates. Tables: `benchmarks/tables.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from benchmarks import side
from benchmarks.tables import SHARED, interval, shown, split

RANDOM, ADAPTIVE, FOLDS, ORDERS = 100, 200, 3, 200
SEEDS, ROWS = 2, 1000
WANTED = 0.25


def options(arguments: list[str]) -> dict[str, Any]:
    """Arguments of `compare`, from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks adaptive")
    parser.add_argument("--tables", nargs="+", choices=SHARED, default=list(SHARED))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--rows", type=int, default=ROWS)
    return vars(parser.parse_args(arguments))


def table_side(table: str, seed: int, rows: int) -> dict[str, Any]:
    """Both searches on one split of a table: epochs, scores, overhead."""
    import kohort
    from kohort.searches.problems.table_settings import TableParameters

    warnings.simplefilter("ignore")
    one = split(table, seed, rows, held_out=1)
    task = "regression" if one.task == "regression" else "classification"
    model = kohort.DenseRegressor if task == "regression" else kohort.DenseClassifier
    space = TableParameters(task).space("random")
    options = {"cv": FOLDS, "random_state": seed, "refit": False}
    random = kohort.RandomizedSearchCV(model(random_state=0), space, n_iter=RANDOM, **options)
    random.fit(one.X, one.y)
    epochs = [len(fit.history.get("loss", ())) for fit in random.cohort_record_]
    costs = np.reshape(epochs, (RANDOM, FOLDS)).sum(axis=1)
    scores = random.cv_results_["mean_test_score"]
    best, quarter = float(np.nanmax(scores)), WANTED * costs.sum()

    def enough(spent: int, score: float) -> bool:
        return spent >= (quarter if score >= best else costs.sum())

    trace, twice = _adaptive(model, space, options, one, enough)
    needed = next((spent for spent, score in trace if score >= best), None)
    return {
        "random": best,
        "epochs": int(costs.sum()),
        "needed": needed,
        "adaptive at a quarter": _best(trace, quarter),
        "random at a quarter": _expected(scores, costs, quarter, seed),
        "twice": twice,
    }


def _adaptive(
    model: Any,
    space: Any,
    options: dict[str, Any],
    one: Any,
    enough: Callable[[int, float], bool],
) -> tuple[list[tuple[int, float]], int]:
    """Epochs spent and score whenever a candidate has trained to its end; epochs trained twice."""
    import kohort

    class Traced(kohort.AdaptiveSearchCV):
        """Notes what the search has spent when it judges a candidate, and stops with enough."""

        def _score(self, candidate: Any) -> float:
            score, spent = super()._score(candidate), cohort.census().epochs
            known.update({each.number: each for each in self._batch})
            if candidate.ended and np.isfinite(score):
                trace.append((spent, score))
            if enough(spent, max((found for _, found in trace), default=-np.inf)):
                raise _EnoughError
            return score

    known: dict[int, Any] = {}
    trace: list[tuple[int, float]] = []
    search = Traced(model(random_state=0), space, n_candidates=ADAPTIVE, **options)
    with kohort.together() as cohort:
        with suppress(_EnoughError):
            search.fit(one.X, one.y)
        epochs = sum(fold.epochs for each in known.values() for fold in each.folds)
        twice = cohort.census().epochs - epochs
    return trace, twice


class _EnoughError(Exception):
    """The search has shown what was asked of it."""


def _best(trace: list[tuple[int, float]], epochs: float) -> float:
    """The best score that had been reached with `epochs` epochs."""
    return max((score for spent, score in trace if spent <= epochs), default=float("-inf"))


def _expected(scores: np.ndarray, costs: np.ndarray, epochs: float, seed: int) -> float:
    """The best score of random candidates with `epochs` epochs, as a mean over their orders."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(ORDERS):
        order = generator.permutation(len(scores))
        affordable = max(1, int((np.cumsum(costs[order]) <= epochs).sum()))
        found.append(np.nanmax(scores[order[:affordable]]))
    return float(np.mean(found))


def overhead() -> float:
    """Milliseconds of processor time that asking, judging and telling take per candidate."""
    from kohort.searches.adaptive.halving import Halving
    from kohort.searches.adaptive.optuna_sampler import OptunaSampler
    from kohort.searches.adaptive.rounds import Rounds
    from kohort.searches.problems.table_settings import TableParameters

    space = TableParameters("regression").space("random")
    generator = np.random.default_rng(0)
    rounds = Rounds(OptunaSampler(space, "tpe", 0), Halving(11, 3), 4, RANDOM, FOLDS)
    start = time.process_time()
    rounds.run(lambda batch: None, lambda candidate: float(generator.normal()))
    return 1e3 * (time.process_time() - start) / RANDOM


def compare(
    tables: list[str] | None = None, seeds: int = SEEDS, rows: int = ROWS
) -> dict[str, Any]:
    """Run every table and seed, each in a process of its own."""
    records: dict[str, list[dict[str, Any]]] = {}
    start = time.perf_counter()
    for table in tables or SHARED:
        records[table] = [
            side.run("benchmarks.adaptive", json.dumps([table, seed, rows]))
            for seed in range(seeds)
        ]
        print(_line(table, records[table]), flush=True)
    return {
        "title": f"Epochs of the adaptive search, {rows} rows, {seeds} seeds",
        "sides": {"both searches": {"seconds": time.perf_counter() - start}},
        "records": records,
        "more": _lines(records),
    }


def _share(record: dict[str, Any]) -> float:
    """Epochs needed for the random search's score, as a share of its own; infinite if never."""
    return float("inf") if record["needed"] is None else record["needed"] / record["epochs"]


def _line(table: str, records: list[dict[str, Any]]) -> str:
    shares = [_share(record) for record in records]
    gains = np.array([r["adaptive at a quarter"] - r["random at a quarter"] for r in records])
    never = sum(np.isinf(shares))
    gain = shown(interval(gains)) if len(gains) > 1 else f"{gains[0]:+.4f}"
    cells = [f"{np.median(shares):.2f}", f"{np.mean(np.array(shares) <= WANTED):.0%}", str(never)]
    return f"| {table} | {' | '.join(cells)} | {gain} |"


def _lines(records: dict[str, list[dict[str, Any]]]) -> list[str]:
    reached = sum(np.median([*map(_share, found)]) <= WANTED for found in records.values())
    better = sum(
        np.mean([r["adaptive at a quarter"] - r["random at a quarter"] for r in found]) > 0
        for found in records.values()
    )
    twice = sum(record["twice"] for found in records.values() for record in found)
    return [
        f"Epochs that the adaptive search needs for the best score of {RANDOM} random candidates, "
        f"as a share of theirs (median over seeds); seeds that need at most {WANTED:g} of them; "
        "seeds that never reach it; the best score at a quarter of the epochs, adaptive less "
        "random, with a 95 % interval.",
        "",
        "| table | share of epochs | at most a quarter | never | gain at a quarter |",
        "|---|---|---|---|---|",
        *(_line(table, found) for table, found in records.items()),
        "",
        f"At most a quarter on {reached} of {len(records)} tables; better at equal epochs on "
        f"{better}; epochs trained twice: {twice}; asking, judging and telling: {overhead():.1f} "
        "ms a candidate.",
    ]


if __name__ == "__main__":
    print(json.dumps(table_side(*json.loads(sys.argv[1]))))

"""Does the adaptive search need a quarter of the epochs for the score of 100 random candidates?

`python -m benchmarks adaptive [--tables NAME ...] [--seeds N] [--rows N] [--keep FOLDER]`

On each table and seed `RandomizedSearchCV` tries 100 candidates of the command line's space for
large tables in 3 folds, by R² or the log loss, as `benchmarks.quality` does; `AdaptiveSearchCV` may
try as many, and stops when it has spent a quarter of the random search's epochs. Epochs are counted
over all folds and to the end of each round; they depend on no clock and on no neighbour. A
candidate of the adaptive search counts once it has trained to its end. At a quarter of the epochs
the random search is the mean over 200 orders of its candidates. With `--keep` what each search gave
is kept in a folder, and not measured again. Tables: `benchmarks/tables.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks import side
from benchmarks.tables import SHARED, interval, shown, split

CANDIDATES, FOLDS, ORDERS = 100, 3, 200
SEEDS, ROWS = 2, 3000
WANTED = 0.25
ALL, QUARTER = "random", "random at a quarter"
"""Names of the best score of all random candidates, and of those with a quarter of the epochs."""
LARGE = 10**9
"""Values of a table that is searched without bins."""


def options(arguments: list[str]) -> dict[str, Any]:
    """Arguments of `compare`, from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks adaptive")
    parser.add_argument("--tables", nargs="+", choices=SHARED, default=list(SHARED))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--keep", type=Path, help="folder for what each table and seed gave")
    return vars(parser.parse_args(arguments))


def _task(table: str, seed: int, rows: int) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Split, estimator, space and options of both searches."""
    import kohort
    from kohort.searches.problems.table_settings import TableParameters

    warnings.simplefilter("ignore")
    one = split(table, seed, rows, held_out=1)
    numbers = one.task == "regression"
    model = kohort.DenseRegressor if numbers else kohort.DenseClassifier
    space = TableParameters("regression" if numbers else "classification", LARGE).space("random")
    options = {
        "cv": FOLDS, "random_state": seed, "refit": False,
        "scoring": None if numbers else "neg_log_loss",
    }  # fmt: skip
    return one, model(random_state=0), space, options


def random_side(table: str, seed: int, rows: int) -> dict[str, Any]:
    """Best score and epochs of the random search, and its best score at a quarter of them."""
    import kohort

    one, model, space, options = _task(table, seed, rows)
    search = kohort.RandomizedSearchCV(model, space, n_iter=CANDIDATES, **options)
    search.fit(one.X, one.y)
    epochs = [len(fit.history.get("loss", ())) for fit in search.cohort_record_]
    costs = np.reshape(epochs, (CANDIDATES, FOLDS)).sum(axis=1)
    scores = search.cv_results_["mean_test_score"]
    return {
        ALL: float(np.nanmax(scores)),
        "epochs": int(costs.sum()),
        QUARTER: _expected(scores, costs, WANTED * costs.sum(), seed),
    }


def adaptive_side(table: str, seed: int, rows: int, best: float, epochs: int) -> dict[str, Any]:
    """Epochs until the adaptive search has the best score, and its own within a quarter."""
    trace, twice = _traced(*_task(table, seed, rows), WANTED * epochs)
    return {
        "needed": next((spent for spent, score in trace if score >= best), None),
        "adaptive at a quarter": max((score for _, score in trace), default=float("-inf")),
        "twice": twice,
    }


def _traced(
    one: Any, model: Any, space: Any, options: dict[str, Any], most: float
) -> tuple[list[tuple[int, float]], int]:
    """Epochs spent and score whenever a candidate has trained to its end, and epochs trained twice,
    of a search that spends at most `most` epochs.
    """
    import kohort

    class Traced(kohort.AdaptiveSearchCV):
        """Notes what the search has spent when it judges a candidate, and stops with enough."""

        def _score(self, candidate: Any) -> float:
            score, spent = super()._score(candidate), cohort.census().epochs
            known.update({each.number: each for each in self._batch})
            if spent > most:
                raise _EnoughError
            if candidate.ended and np.isfinite(score):
                trace.append((spent, score))
            return score

    known: dict[int, Any] = {}
    trace: list[tuple[int, float]] = []
    search = Traced(model, space, n_candidates=CANDIDATES, **options)
    with kohort.together() as cohort:
        with suppress(_EnoughError):
            search.fit(one.X, one.y)
        epochs = sum(fold.epochs for each in known.values() for fold in each.folds)
        twice = cohort.census().epochs - epochs
    return trace, twice


class _EnoughError(Exception):
    """The search has spent its epochs."""


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

    space = TableParameters("regression", LARGE).space("random")
    generator = np.random.default_rng(0)
    rounds = Rounds(OptunaSampler(space, "tpe", 0), Halving(16, 3), 4, CANDIDATES, FOLDS)

    def evaluate(batch: list[Any]) -> None:
        """As if all had trained; a candidate ends at the third rung."""
        for each in batch:
            fold = SimpleNamespace(ended=each.rung == 2, epochs=0, close=lambda: None)
            each.folds = [fold] * FOLDS

    start = time.process_time()
    rounds.run(evaluate, lambda candidate: float(generator.normal()))
    return 1e3 * (time.process_time() - start) / CANDIDATES


def compare(
    tables: list[str] | None = None,
    seeds: int = SEEDS,
    rows: int = ROWS,
    keep: Path | None = None,
) -> dict[str, Any]:
    """Run every table and seed, each in a process of its own."""
    start = time.perf_counter()
    records: dict[str, list[dict[str, Any]]] = {table: [] for table in tables or SHARED}
    for seed in range(seeds):
        for table, found in records.items():
            found.append(_measured(table, seed, rows, keep))
            print(seed, _line(table, found), flush=True)
    return {
        "title": f"Epochs of the adaptive search, {rows} rows, {seeds} seeds",
        "sides": {} if keep else {"both searches": {"seconds": time.perf_counter() - start}},
        "records": records,
        "more": _lines(records),
    }


def _measured(table: str, seed: int, rows: int, keep: Path | None) -> dict[str, Any]:
    """Figures of both searches, each in a process of its own."""
    place = (table, seed, rows)
    found = _kept(keep, "random", *place)
    return found | _kept(keep, "adaptive", *place, found["random"], found["epochs"])


def _kept(keep: Path | None, name: str, *given: Any) -> dict[str, Any]:
    """Figures of one search, or those that it gave before."""
    words = json.dumps([name, *given])
    if keep is None:
        return side.run("benchmarks.adaptive", words)
    keep.mkdir(parents=True, exist_ok=True)
    file = keep / f"{'_'.join(map(str, (name, *given[:3])))}.json"
    if not file.exists():
        file.write_text(json.dumps(side.run("benchmarks.adaptive", words)))
    return dict(json.loads(file.read_text()))


def _share(record: dict[str, Any]) -> float:
    """Epochs needed for the random search's score, as a share of its own; infinite if more than a
    quarter.
    """
    return float("inf") if record["needed"] is None else record["needed"] / record["epochs"]


def _gains(records: list[dict[str, Any]], over: str) -> np.ndarray:
    """Best scores of the adaptive search less those of random candidates, of all or a quarter."""
    return np.array([record["adaptive at a quarter"] - record[over] for record in records])


def _line(table: str, records: list[dict[str, Any]]) -> str:
    shares = [*map(_share, records)]
    gains = [_gains(records, over) for over in (QUARTER, ALL)]
    cells = [shown(interval(g)) if len(g) > 1 else f"{g[0]:+.4f}" for g in gains]
    reached = int(np.isfinite(shares).sum())
    return (
        f"| {table} | {reached} of {len(shares)} | {np.median(shares):.2f} | {' | '.join(cells)} |"
    )


def _lines(records: dict[str, list[dict[str, Any]]]) -> list[str]:
    shares = np.array([[*map(_share, found)] for found in records.values()])
    count = len(records)
    reached = int((np.median(shares, axis=1) <= WANTED).sum())
    gains = [_gains(found, QUARTER) for found in records.values()]
    short = [_gains(found, ALL) for found in records.values()]
    worse = sum(len(gain) > 1 and interval(gain)["high"] < 0 for gain in short)
    better = sum(float(gain.mean()) > 0 for gain in gains)
    surely = sum(len(gain) > 1 and interval(gain)["low"] > 0 for gain in gains)
    twice = sum(record["twice"] for found in records.values() for record in found)
    times = int(np.isfinite(shares).sum())
    ends = binomtest(times, shares.size).proportion_ci(method="wilson")
    return [
        f"Seeds on which the adaptive search reaches the best score of {CANDIDATES} random "
        f"candidates within {WANTED:.0%} of their epochs; the share of their epochs that it needs "
        "(median over seeds; inf: more than that); its best score there less that of random "
        "candidates at as many epochs, and less that of all of them, with 95 % intervals.",
        "",
        "| table | seeds that reach it | share of epochs | over as many epochs | over all |",
        "|---|---|---|---|---|",
        *(_line(table, found) for table, found in records.items()),
        "",
        f"Reached by the median seed on {reached} of {count} tables, in {times} of {shares.size} "
        f"searches ({times / shares.size:.0%}, 95 % interval {ends.low:.0%} to {ends.high:.0%}). "
        f"Better at a quarter of the epochs on {better} of {count} tables, on {surely} of them "
        f"surely; surely worse than all {CANDIDATES} random candidates on {worse}. Epochs trained "
        f"twice: {twice}. Asking, judging and telling: {overhead():.1f} ms of processor time a "
        "candidate.",
    ]


if __name__ == "__main__":
    name, *given = json.loads(sys.argv[1])
    print(json.dumps({"random": random_side, "adaptive": adaptive_side}[name](*given)))

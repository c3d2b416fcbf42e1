"""Ensembles of what a search has trained, against its best candidate fitted on all rows.

For each table and seed one search with `refit="ensemble"`, whose best candidate is then fitted
again, as a plain refit would. Both predict rows that neither has seen: 1 - R2 or log loss, and the
expected calibration error of classes. The time is that of the search without its refit.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import numpy as np

from benchmarks import side
from benchmarks.tables import SHARED, interval, shown, split

SEEDS, ROWS, HELD_OUT, CANDIDATES, FOLDS = 3, 1500, 2000, 30, 5


def _loss(task: str, y: np.ndarray, model: Any, X: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import log_loss

    from kohort.studies.uncertainty import expected_calibration_error

    if task == "regression":
        return {"loss": 1 - float(model.score(X, y))}
    probabilities = np.asarray(model.predict_proba(X), np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return {
        "loss": float(log_loss(y, probabilities, labels=model.classes_)),
        "ece": expected_calibration_error(np.searchsorted(model.classes_, y), probabilities),
    }


def table_side(name: str) -> dict[str, Any]:
    from sklearn.base import clone

    import kohort
    from kohort.searches.problems.table_settings import TableParameters

    warnings.simplefilter("ignore")
    start, rows = time.perf_counter(), []
    for seed in range(SEEDS):
        found = split(name, seed, ROWS, HELD_OUT)
        numbers = found.task == "regression"
        network = kohort.DenseRegressor if numbers else kohort.DenseClassifier
        search = kohort.RandomizedSearchCV(
            network(random_state=seed),
            TableParameters("regression" if numbers else "classification").space("random"),
            n_iter=CANDIDATES, cv=FOLDS, random_state=seed, refit="ensemble",
            scoring=None if numbers else "neg_log_loss",
        ).fit(found.X, found.y)  # fmt: skip
        best = clone(search.estimator).set_params(**search.best_params_).fit(found.X, found.y)
        wall, added = search.cohort_times_["wall"], search.refit_time_
        rows.append(
            {
                "ensemble": _loss(found.task, found.y_test, search, found.X_test),
                "best": _loss(found.task, found.y_test, best, found.X_test),
                "parts": len(search.best_estimator_.parts_),
                "time": added / (wall - added),
            }
        )
    return {"seconds": time.perf_counter() - start, "rows": rows}


def compare() -> dict[str, Any]:
    """Run every table."""
    sides = {name: side.run("benchmarks.ensembles", name) for name in SHARED}
    lines = [
        f"{SEEDS} seeds, {ROWS} training rows, {CANDIDATES} candidates in {FOLDS} folds. Loss: 1 - "
        "R² or log loss; changes with 95 % intervals over the seeds, negative where the ensemble "
        "is better. Time: of the ensemble, beyond the search without its refit.",
        "",
        "| table | best | ensemble | change | ece best | ece ensemble | parts | time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    ratios, calibration, times = [], [], []
    for name, found in sides.items():
        pairs = [(row["best"], row["ensemble"]) for row in found["rows"]]
        best, ours = (np.array([pair[k]["loss"] for pair in pairs]) for k in (0, 1))
        ratios += list(ours / best)
        cells = [f"{best.mean():.4f}", f"{ours.mean():.4f}", shown(interval(ours - best))]
        ece = [[pair[k].get("ece") for pair in pairs] for k in (0, 1)]
        known = ece[0][0] is not None
        calibration += list(zip(*ece, strict=True)) if known else []
        cells += [f"{np.mean(own):.4f}" if known else "" for own in ece]
        share = np.mean([row["time"] for row in found["rows"]])
        times.append(share)
        parts = np.mean([row["parts"] for row in found["rows"]])
        lines.append(f"| {name} | {' | '.join(cells)} | {parts:.0f} | {share:.1%} |")
    before, after = np.mean(calibration, axis=0)
    lines += [
        "",
        f"Better on {np.mean(np.array(ratios) < 1):.0%} of {len(ratios)} searches; geometric mean "
        f"of the ratios of losses {np.exp(np.mean(np.log(ratios))):.3f}; time {np.mean(times):.1%} "
        f"on average; expected calibration error {before:.4f} of the best candidate, {after:.4f} "
        "of the ensemble.",
    ]
    return {"title": "Ensembles of what a search has trained", "sides": sides, "more": lines}


if __name__ == "__main__":
    print(json.dumps(table_side(sys.argv[1])))

"""Ensembles of what a search has trained, against its best candidate fitted on all rows.

`python -m benchmarks ensembles [--seeds N]`

For each table and seed one search with `refit="ensemble"`, whose best candidate is then fitted
again, as a plain refit would. Both predict rows that neither has seen: 1 - R2 or log loss, and the
expected calibration error of classes. The time is that of the search without its refit.

Three other ways to average probabilities stand beside: all networks by the arithmetic mean, all by
the geometric mean (a logarithmic opinion pool), and the ensemble scaled by a temperature (Guo et
al. 2017) that makes the log loss of its out-of-fold predictions least.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import side
from benchmarks.tables import SHARED, interval, shown, split

SEEDS, ROWS, HELD_OUT, CANDIDATES, FOLDS = 3, 1000, 2000, 20, 5
LEAST = 1e-7
OTHERS = ("arithmetic", "geometric", "temperature")


def _loss(task: str, y: np.ndarray, model: Any, X: np.ndarray) -> dict[str, float]:
    if task == "regression":
        return {"loss": 1 - float(model.score(X, y))}
    return _of_classes(np.searchsorted(model.classes_, y), model.predict_proba(X))


def _of_classes(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import log_loss

    from kohort.studies.uncertainty import expected_calibration_error

    whole = np.asarray(probabilities, np.float64)
    whole = whole / whole.sum(axis=1, keepdims=True)
    return {
        "loss": float(log_loss(y, whole, labels=np.arange(whole.shape[1]))),
        "ece": expected_calibration_error(y, whole),
    }


def _otherwise(ensemble: Any, found: Any) -> dict[str, Any]:
    """Losses of the classifier's other averages on the rows held out."""
    from scipy.optimize import minimize_scalar
    from scipy.special import softmax

    def logs(probabilities: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST))

    def mean(of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return sum(
            part.weight / len(part.members) * of(member.head.predict_proba(found.X_test))
            for part in ensemble.parts_
            for member in part.members
        )

    known, y = logs(ensemble.out_of_fold_), np.searchsorted(ensemble.classes_, found.y)
    hardest = minimize_scalar(
        lambda power: _of_classes(y, softmax(np.exp(power) * known, axis=1))["loss"],
        bounds=(-1.5, 1.5), method="bounded",
    )  # fmt: skip
    tempered = np.exp(hardest.x) * logs(ensemble.predict_proba(found.X_test))
    y_test = np.searchsorted(ensemble.classes_, found.y_test)
    averages = (mean(np.asarray), softmax(mean(logs), axis=1), softmax(tempered, axis=1))
    return {name: _of_classes(y_test, p) for name, p in zip(OTHERS, averages, strict=True)}


def options(arguments: list[str]) -> dict[str, Any]:
    """Arguments of `compare`, from the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks ensembles")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    return vars(parser.parse_args(arguments))


def table_side(name: str, seeds: int) -> dict[str, Any]:
    from sklearn.base import clone

    import kohort
    from kohort.searches.problems.table_settings import TableParameters

    warnings.simplefilter("ignore")
    start, rows = time.perf_counter(), []
    for seed in range(seeds):
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
        others = {} if numbers else _otherwise(search.best_estimator_, found)
        rows.append(
            {
                **others,
                "ensemble": _loss(found.task, found.y_test, search, found.X_test),
                "best": _loss(found.task, found.y_test, best, found.X_test),
                "parts": len(search.best_estimator_.parts_),
                "time": added / (wall - added),
            }
        )
    return {"seconds": time.perf_counter() - start, "rows": rows}


def compare(seeds: int = SEEDS) -> dict[str, Any]:
    """Run every table."""
    sides = {name: side.run("benchmarks.ensembles", json.dumps([name, seeds])) for name in SHARED}
    lines = report(sides, seeds)
    return {"title": "Ensembles of what a search has trained", "sides": sides, "more": lines}


def report(sides: dict[str, Any], seeds: int) -> list[str]:
    """The lines on what each table's searches have found."""
    lines = [
        f"Seeds: {seeds}. {ROWS} training rows, {CANDIDATES} candidates in {FOLDS} folds. Loss: "
        "1 - R² or log loss; changes with 95 % intervals over the seeds, negative where the "
        "ensemble is better. Time: of the ensemble, beyond the search without its refit.",
        "",
        "| table | best | ensemble | change | ece best | ece ensemble | parts | time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    ratios, calibration, times, better = [], [], [], 0
    for name, found in sides.items():
        pairs = [(row["best"], row["ensemble"]) for row in found["rows"]]
        best, ours = (np.array([pair[k]["loss"] for pair in pairs]) for k in (0, 1))
        ratios += list(ours / best)
        better += bool(ours.mean() < best.mean())
        cells = [f"{best.mean():.4f}", f"{ours.mean():.4f}", _change(ours - best)]
        ece = [[pair[k].get("ece") for pair in pairs] for k in (0, 1)]
        known = ece[0][0] is not None
        calibration += list(zip(*ece, strict=True)) if known else []
        cells += [f"{np.mean(own):.4f}" if known else "" for own in ece]
        share = np.mean([row["time"] for row in found["rows"]])
        times.append(share)
        parts = np.mean([row["parts"] for row in found["rows"]])
        lines.append(f"| {name} | {' | '.join(cells)} | {parts:.0f} | {share:.1%} |")
    before, after = np.mean(calibration, axis=0)
    classes = [row for found in sides.values() for row in found["rows"] if OTHERS[0] in row]
    lines += [
        "",
        f"Better on {better} of {len(sides)} tables and in {np.mean(np.array(ratios) < 1):.0%} of "
        f"{len(ratios)} searches; geometric mean "
        f"of the ratios of losses {np.exp(np.mean(np.log(ratios))):.3f}; time {np.mean(times):.1%} "
        f"on average; expected calibration error {before:.4f} of the best candidate, {after:.4f} "
        f"of the ensemble{_by(np.array(calibration))}.",
        "",
        *(_other(name, classes) for name in OTHERS),
    ]
    return lines


def _by(calibration: np.ndarray) -> str:
    """The change of the calibration error over searches, where there is more than one."""
    changes = calibration[:, 1] - calibration[:, 0]
    return f", {shown(interval(changes))} over {len(changes)} searches" if len(changes) > 1 else ""


def _change(differences: np.ndarray) -> str:
    """A mean with its interval, where there is more than one to tell it from."""
    return shown(interval(differences)) if len(differences) > 1 else f"{differences[0]:+.4f}"


def _other(name: str, rows: list[dict[str, Any]]) -> str:
    """A sentence about another average of classes, as a change against the ensemble as it is."""
    losses = np.array([np.log(row[name]["loss"] / row["ensemble"]["loss"]) for row in rows])
    errors = np.array([row[name]["ece"] - row["ensemble"]["ece"] for row in rows])
    how = "Scaled by a temperature" if name == OTHERS[-1] else f"By the {name} mean of all networks"
    return (
        f"{how}: log loss {np.exp(losses.mean()):.3f} times that of the ensemble, calibration "
        f"error {_change(errors)}, over {len(rows)} searches."
    )


if __name__ == "__main__":
    print(json.dumps(table_side(*json.loads(sys.argv[1]))))

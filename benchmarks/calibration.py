"""Are averaged predictions better calibrated? Monte Carlo dropout and ensembles on real tables.

Each of several seeds draws a split, trains networks with dropout, and predicts the test rows
plainly, as the mean of 50 passes with dropout on, and as the mean of 5 networks. Differences are
paired by seed.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks import side
from benchmarks.tables import interval, shown, table

SEEDS, ROWS, NETWORKS, SAMPLES = 10, 2000, 5, 50
TABLES = ("letter", "satellite", "spam")


def _figures(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    from kohort.studies.uncertainty import expected_calibration_error

    likelihood = probabilities[np.arange(len(y)), y].astype(np.float64)
    return {
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == y)),
        "nll": float(-np.log(np.maximum(likelihood, 1e-12)).mean()),
        "ece": expected_calibration_error(y, probabilities),
    }


def _predictions(model: Any, X: np.ndarray) -> dict[str, np.ndarray]:
    """Probabilities of one network, of its passes, of the ensemble, of the ensemble's passes."""
    single = copy.copy(model)
    single.networks_ = model.networks_[:1]
    found = {}
    for name, estimator in (("", single), ("ensemble ", model)):
        for kind, samples in (("plain", 0), ("passes", SAMPLES)):
            one = copy.copy(estimator).set_params(mc_samples=samples)
            found[f"{name}{kind}"] = one.predict_proba(X)
    return found


def table_side(name: str) -> dict[str, Any]:
    from sklearn.model_selection import train_test_split

    import kohort

    X, labels = table(name)
    y = np.unique(labels, return_inverse=True)[1]
    start, rows = time.perf_counter(), []
    for seed in range(SEEDS):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, train_size=ROWS, random_state=seed, stratify=y
        )
        model = kohort.DenseClassifier(
            depth=2, width=128, dropout=0.3, learning_rate=2e-3, epochs=60, early_stopping=False,
            n_networks=NETWORKS, random_state=seed,
        ).fit(X_train, y_train)  # fmt: skip
        rows.append({k: _figures(y_test, p) for k, p in _predictions(model, X_test).items()})
    kinds = list(rows[0])
    return {
        "seconds": time.perf_counter() - start,
        "means": {
            kind: {f: float(np.mean([row[kind][f] for row in rows])) for f in rows[0][kind]}
            for kind in kinds
        },
        "against_plain": {
            kind: {
                figure: interval(
                    np.array([row[kind][figure] - row["plain"][figure] for row in rows])
                )
                for figure in ("accuracy", "nll", "ece")
            }
            for kind in kinds[1:]
        },
    }


def compare() -> dict[str, Any]:
    """Run every table."""
    sides = {name: side.run("benchmarks.calibration", name) for name in TABLES}
    lines = [
        f"{SEEDS} seeds, {ROWS} training rows; changes against the plain prediction of one network "
        "with 95 % confidence intervals, paired by seed. Lower is better for nll and ece.",
        "",
        "| table | prediction | accuracy | nll | change | ece | change |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in sides.items():
        for kind, means in found["means"].items():
            changes = found["against_plain"].get(kind, {})
            cells = [f"{means['accuracy']:.4f}"]
            for figure in ("nll", "ece"):
                cells += [f"{means[figure]:.4f}", shown(changes.get(figure))]
            lines.append(f"| {name} | {kind} | {' | '.join(cells)} |")
    return {
        "title": "Calibration of Monte Carlo dropout and of deep ensembles",
        "sides": sides,
        "more": lines,
    }


if __name__ == "__main__":
    print(json.dumps(table_side(sys.argv[1])))

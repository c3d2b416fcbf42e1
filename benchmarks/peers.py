"""40 learning rates x 3 folds of a ReLU network, against scikit-learn and Keras.

3,000 rows x 8 of California housing, 20 epochs, Adam: 3x50 with batches of 32, 3x128, and batches
of 256. Every side starts in a fresh process with nothing compiled; imports are not counted,
compiling is. Keras is timed on every
thirteenth fit, one `fit` per candidate and fold, and scaled.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from benchmarks import side

ROWS, FOLDS, EPOCHS, DEPTH = 3000, 3, 20, 3
SETTINGS = {"": (50, 32), "3x128": (128, 32), "batch 256": (50, 256)}
"""Width and batch size by the name of what differs."""
RATES = np.geomspace(1e-4, 1e-2, 40)
EVERY = 13


def data() -> tuple[np.ndarray, np.ndarray]:
    X, y = side.california()["train"]
    return StandardScaler().fit_transform(X[:ROWS]), y[:ROWS]


def kohort_side(width: int, batch: int) -> dict[str, Any]:
    import kohort
    from kohort.engine.programs import compilations

    X, y = data()
    estimator = kohort.DenseRegressor(
        depth=DEPTH, width=width, optimizer="adam", batch_size=batch, epochs=EPOCHS,
        early_stopping=False, standardize=False, random_state=0, **side.PLAIN,
    )  # fmt: skip
    search = kohort.GridSearchCV(estimator, {"learning_rate": RATES}, cv=FOLDS)
    start = time.perf_counter()
    with compilations() as log:
        search.fit(X, y)
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "fits": len(RATES) * FOLDS + 1,
        "best_r2": search.best_score_,
        "core_seconds_of_kernels": search.cohort_times_["seconds"]["train"],
        "programs": len(log),
        "compile_seconds": sum(entry.seconds for entry in log),
    }


def scikit_learn_side(width: int, batch: int) -> dict[str, Any]:
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPRegressor

    X, y = data()
    estimator = MLPRegressor(
        hidden_layer_sizes=(width,) * DEPTH, alpha=0.0, batch_size=batch, max_iter=EPOCHS, tol=0.0,
        n_iter_no_change=EPOCHS, random_state=0,
    )  # fmt: skip
    search = GridSearchCV(estimator, {"learning_rate_init": RATES}, cv=FOLDS, n_jobs=2)
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "fits": len(RATES) * FOLDS + 1, "best_r2": search.best_score_}


def keras_side(width: int, batch: int) -> dict[str, Any]:
    import keras

    X, y = data()
    fits = [(rate, fold) for rate in RATES for fold in KFold(FOLDS).split(X)][::EVERY]
    start = time.perf_counter()
    for rate, (train, _) in fits:
        model = keras.Sequential([keras.Input((X.shape[1],))])
        for _ in range(DEPTH):
            model.add(keras.layers.Dense(width, activation="relu", kernel_initializer="he_normal"))
        model.add(keras.layers.Dense(1))
        model.compile(keras.optimizers.Adam(rate), "mse")
        model.fit(X[train], y[train], batch_size=batch, epochs=EPOCHS, verbose=0)
    measured = time.perf_counter() - start
    total = len(RATES) * FOLDS + 1
    return {"seconds": measured / len(fits) * total, "fits": total, "timed": len(fits)}


def compare() -> dict[str, Any]:
    """Run every side of every setting and relate them."""
    parts = {
        "kohort": "kohort",
        "scikit-learn MLPRegressor, GridSearchCV(n_jobs=2)": "scikit_learn",
        "Keras fit per candidate and fold": "keras",
    }
    sides: dict[str, dict[str, Any]] = {}
    ratios: dict[str, float] = {}
    limits: list[str] = []
    for setting in SETTINGS:
        end = f", {setting}" if setting else ""
        for name, part in parts.items():
            found = sides[name + end] = side.run("benchmarks.peers", f"{part}:{setting}")
            if part != "kohort":
                ratios[name + end] = found["seconds"] / sides["kohort" + end]["seconds"]
                kernels = sides["kohort" + end]["core_seconds_of_kernels"] / (os.cpu_count() or 1)
                limits.append(f"- {name + end}: {found['seconds'] / kernels:.1f} times.")
    return {
        "title": "40 candidates x 3 folds, 3x50 ReLU, 3,000 rows, 20 epochs, Adam, batch 32",
        "sides": sides,
        "ratios": ratios,
        "wanted": {name: 60 if name.startswith("Keras") else 15 for name in ratios},
        "more": ["If a search took no time but that of its kernels, on all cores:", "", *limits],
    }


if __name__ == "__main__":
    part, _, setting = sys.argv[1].partition(":")
    print(json.dumps(globals()[f"{part}_side"](*SETTINGS[setting])))

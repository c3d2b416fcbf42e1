"""The demo's search of 300 fits, against the same fits with Keras.

Géron, chapter 10: depth 0-3, width 1-99, learning rate log-uniform in [3e-4, 3e-2], ReLU, SGD, MSE,
batch 32, at most 100 epochs, patience 10, 3 folds; 100 candidates. Keras is timed on 9 of the 300
fits, drawn at random once, and scaled.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any

import numpy as np
from examples import california_housing as demo
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from benchmarks import side

TIMED = 9


def kohort_side() -> dict[str, Any]:
    from sklearn.metrics import mean_squared_error

    from kohort.engine.programs import compilations

    parts = side.california()
    search = demo.search()
    search.estimator.set_params(**side.PLAIN)
    start = time.perf_counter()
    with compilations() as log:
        search.fit(*parts["train"], validation_data=parts["valid"])
    seconds = time.perf_counter() - start
    predicted = search.best_estimator_.predict(parts["test"][0])
    training = [entry for entry in log if entry.kind == "train"]
    return {
        "seconds": seconds,
        "fits": len(search.cohort_record_),
        "best_score": search.best_score_,
        "test_mse": mean_squared_error(parts["test"][1], predicted),
        "training_programs": len(training),
        "training_programs_compiled": sum(not entry.cached for entry in training),
        "programs": len(log),
        "programs_compiled": sum(not entry.cached for entry in log),
        "compile_seconds": sum(entry.seconds for entry in log),
        "epochs": sum(len(record.history["loss"]) for record in search.cohort_record_),
    }


def keras_side() -> dict[str, Any]:
    import keras
    from sklearn.model_selection import ParameterSampler

    parts = side.california()
    scaler = StandardScaler().fit(parts["train"][0])
    X, y = scaler.transform(parts["train"][0]), parts["train"][1]
    valid = (scaler.transform(parts["valid"][0]), parts["valid"][1])
    candidates = list(ParameterSampler(demo.SPACE, demo.CANDIDATES, random_state=demo.SEED))
    fits = [(c, fold) for c in candidates for fold in KFold(demo.FOLDS).split(X)]
    drawn = np.random.default_rng(0).choice(len(fits), TIMED, replace=False)
    start = time.perf_counter()
    for index in drawn:
        candidate, (train, _) = fits[index]
        model = keras.Sequential([keras.Input((X.shape[1],))])
        for _ in range(candidate["depth"]):
            model.add(keras.layers.Dense(candidate["width"], activation="relu"))
        model.add(keras.layers.Dense(1))
        model.compile(keras.optimizers.SGD(candidate["learning_rate"]), "mse")
        stopping = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
        model.fit(
            X[train], y[train], batch_size=32, epochs=100, verbose=0,
            validation_data=valid, callbacks=[stopping, keras.callbacks.TerminateOnNaN()],
        )  # fmt: skip
    measured = time.perf_counter() - start
    total = len(fits) + 1
    return {"seconds": measured / TIMED * total, "fits": total, "timed": TIMED}


def compare() -> dict[str, Any]:
    """Run both sides, and ours again with the first run's cache."""
    name = "benchmarks.chapter10"
    with tempfile.TemporaryDirectory() as cache:
        ours = side.run(name, "kohort", cache)
        again = side.run(name, "kohort", cache)
    keras = side.run(name, "keras")
    return {
        "title": "Géron's chapter 10, 100 candidates x 3 folds, at most 100 epochs",
        "sides": {"kohort": ours, "kohort, second process": again, "keras": keras},
        "ratios": {"Keras fit per candidate and fold": keras["seconds"] / ours["seconds"]},
        "wanted": {"Keras fit per candidate and fold": 40},
    }


if __name__ == "__main__":
    print(json.dumps(globals()[f"{sys.argv[1]}_side"]()))

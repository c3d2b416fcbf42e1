"""Fashion-MNIST: eight learning rates of the book's 300-100 network, against Keras's `fit`.

55,000 images to train on and 5,000 to validate on, pixels in [0, 1], SGD, batch 32, 10 epochs. The
images come from Debian's package dataset-fashion-mnist, which is fetched with apt and unpacked
into the user's cache folder. Keras is timed on two of the eight rates and scaled.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import PredefinedSplit

from benchmarks import debian, side

RATES = [0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3]
WIDTHS, EPOCHS, BATCH, VALIDATION = [300, 100], 10, 32, 5000
TIMED = (2, 5)


def fetch() -> Path:
    """Folder of the four files."""
    return debian.fetch("dataset-fashion-mnist", "train-images-idx3-ubyte.gz")


def data() -> tuple[np.ndarray, np.ndarray]:
    """Images of the training part as rows, float32 in [0, 1], and labels."""
    folder = fetch()
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return (images / np.float32(255)).astype(np.float32), labels.astype(int)


def kohort_side() -> dict[str, Any]:
    import kohort
    from kohort.engine.programs import compilations

    X, y = data()
    estimator = kohort.DenseClassifier(
        depth=2, width=WIDTHS, optimizer="sgd", batch_size=BATCH, epochs=EPOCHS,
        early_stopping=False, standardize=False, random_state=0, **side.PLAIN,
    )  # fmt: skip
    split = PredefinedSplit(np.r_[np.full(len(X) - VALIDATION, -1), np.zeros(VALIDATION, int)])
    search = kohort.GridSearchCV(estimator, {"learning_rate": RATES}, cv=split, refit=False)
    start = time.perf_counter()
    with compilations() as log:
        search.fit(X, y)
    return {
        "seconds": time.perf_counter() - start,
        "fits": len(RATES),
        "best_accuracy": float(search.cv_results_["mean_test_score"].max()),
        "best_rate": RATES[int(np.argmax(search.cv_results_["mean_test_score"]))],
        "programs": len(log),
    }


def keras_side() -> dict[str, Any]:
    import keras

    X, y = data()
    train, valid = (X[:-VALIDATION], y[:-VALIDATION]), (X[-VALIDATION:], y[-VALIDATION:])
    start, best = time.perf_counter(), 0.0
    for index in TIMED:
        hidden = [keras.layers.Dense(width, "relu") for width in WIDTHS]
        model = keras.Sequential([keras.Input((784,)), *hidden, keras.layers.Dense(10, "softmax")])
        optimizer = keras.optimizers.SGD(RATES[index])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(*train, batch_size=BATCH, epochs=EPOCHS, verbose=0)
        best = max(best, model.evaluate(*valid, verbose=0)[1])
    seconds = (time.perf_counter() - start) / len(TIMED) * len(RATES)
    return {"seconds": seconds, "fits": len(RATES), "timed": len(TIMED), "best_accuracy": best}


def compare() -> dict[str, Any]:
    """Both sides."""
    fetch()
    sides = {
        "kohort": side.run("benchmarks.fashion_mnist", "kohort"),
        "Keras": side.run("benchmarks.fashion_mnist", "keras"),
    }
    return {
        "title": "Fashion-MNIST, 8 rates of a 300-100 network, 10 epochs",
        "sides": sides,
        "ratios": {"Keras": sides["Keras"]["seconds"] / sides["kohort"]["seconds"]},
        "wanted": {"Keras": 2},
    }


if __name__ == "__main__":
    print(json.dumps({"kohort": kohort_side, "keras": keras_side}[sys.argv[1]]()))

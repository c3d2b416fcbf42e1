"""The gain of unsupervised pretraining when 1 % of the rows have a label.

UCI Letter Recognition, 26 classes: 16,000 training rows of which 160 or 800 have a label, 4,000
test rows. Every kind of pretraining sees all training rows; each seed draws split, labels and
weights. Differences from training on the labelled rows alone are paired by seed.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from benchmarks import side
from benchmarks.tables import interval, shown, table

SEEDS = 12
SHARES = (0.01, 0.05)
KINDS: dict[str, dict[str, Any]] = {
    "from scratch": {},
    "autoencoder": {"pretrain": "autoencoder"},
    "denoising": {"pretrain": "denoising"},
    "denoising, frozen for 20 epochs": {"pretrain": "denoising", "freeze_epochs": 20},
    "layerwise": {"pretrain": "layerwise"},
}


def _fit_all(X: np.ndarray, y: np.ndarray, share: float, seed: int) -> dict[str, float]:
    from concurrent.futures import ThreadPoolExecutor

    from sklearn.model_selection import train_test_split

    import kohort

    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=4000, random_state=seed, stratify=y
    )
    known, _ = train_test_split(
        np.arange(len(y_train)), train_size=share, random_state=seed, stratify=y_train
    )
    unknown = np.setdiff1d(np.arange(len(y_train)), known)

    def accuracy(kind: str) -> float:
        model = kohort.DenseClassifier(
            depth=2, width=128, epochs=100, early_stopping=False, pretrain_epochs=20,
            learning_rate=1e-3, random_state=seed, **KINDS[kind],
        )  # fmt: skip
        more = {"X_unlabeled": X_train[unknown]} if model.pretrain else {}
        return float(model.fit(X_train[known], y_train[known], **more).score(X_test, y_test))

    with kohort.together(), ThreadPoolExecutor(len(KINDS)) as pool:
        return dict(zip(KINDS, pool.map(accuracy, KINDS), strict=True))


def share_side(share: float) -> dict[str, Any]:
    X, labels = table("letter")
    y = np.unique(labels, return_inverse=True)[1]
    start = time.perf_counter()
    rows = [_fit_all(X, y, share, seed) for seed in range(SEEDS)]
    found = {kind: np.array([row[kind] for row in rows]) for kind in KINDS}
    return {
        "seconds": time.perf_counter() - start,
        "accuracy": {kind: float(values.mean()) for kind, values in found.items()},
        "gain": {
            kind: interval(values - found["from scratch"])
            for kind, values in found.items()
            if kind != "from scratch"
        },
    }


def compare() -> dict[str, Any]:
    """Run every share of labels."""
    sides = {f"{share:.0%} of the labels": side.run("benchmarks.pretraining", str(share))
             for share in SHARES}  # fmt: skip
    lines = [
        f"Test accuracy over {SEEDS} seeds; gains with 95 % confidence intervals, paired by seed.",
        "",
        "| labels | training | accuracy | gain over training from scratch |",
        "|---|---|---|---|",
    ]
    for name, found in sides.items():
        for kind, accuracy in found["accuracy"].items():
            gain = shown(found["gain"].get(kind))
            lines.append(f"| {name} | {kind} | {accuracy:.4f} | {gain} |")
    return {
        "title": "Unsupervised pretraining on UCI Letter Recognition",
        "sides": sides,
        "more": lines,
    }


if __name__ == "__main__":
    print(json.dumps(share_side(float(sys.argv[1]))))

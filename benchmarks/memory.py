"""Bytes that a training program is predicted to take, against what the process grows by.

Twelve combinations of architecture, batch size and members, each trained for two epochs in a fresh
process, on as many batches as one call of the program takes. The peak is the resident set's, read
from the kernel, from after compiling to the end.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import side

COMBINATIONS = [
    *itertools.product(("wide", "deep"), (512, 2048), (2, 6)),
    *itertools.product(("convolutional",), (256, 512, 1024, 2048), (1,)),
]
FEATURES = {"wide": (784,), "deep": (60,), "convolutional": (28, 28, 1)}


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def member(architecture: str, batch: int) -> Any:
    """One member of two epochs."""
    import keras

    import kohort
    from kohort.engine.plan import chunk_steps, structure_of

    layers = keras.layers
    hidden = {
        "wide": [layers.Dense(1000, "relu")],
        "deep": [layers.Dense(300, "relu") for _ in range(5)],
        "convolutional": [
            layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
        ],
    }[architecture]  # fmt: skip

    def build() -> Any:
        shape = keras.Input(FEATURES[architecture])
        model = keras.Sequential([shape, *hidden, layers.Dense(10, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    def of(batches: int) -> Any:
        generator = np.random.default_rng(0)
        X = generator.random((batches * batch, *FEATURES[architecture]), np.float32)
        y = generator.integers(0, 10, len(X))
        estimator = kohort.KerasClassifier(build, epochs=2, batch_size=batch, random_state=0)
        return estimator.prepare(X, y).members[0]

    return of(max(4, chunk_steps(structure_of(of(1)))))


def grown(architecture: str, batch: int, members: int) -> dict[str, Any]:
    """Predicted and measured MiB of `members` members in one program."""
    import jax

    from kohort.engine.fit import Fit
    from kohort.engine.memory import footprint
    from kohort.engine.plan import structure_of
    from kohort.engine.population import Runner

    one, device = member(architecture, batch), jax.local_devices()[0]
    structure = structure_of(one)
    predicted = footprint(structure, members, device).total
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before, waiting = _status("VmRSS"), [Fit(one) for _ in range(members)]
    start = time.perf_counter()
    runner = Runner(structure, members, device, lambda: waiting.pop() if waiting else None, _ignore)
    runner.run()
    seconds, real = time.perf_counter() - start, _status("VmHWM") - before
    return {
        "seconds": seconds, "predicted_mib": predicted / 2**20, "grown_mib": real / 2**20,
        "predicted_share": predicted / real,
    }  # fmt: skip


def _ignore(fit: Any) -> None:
    """Do nothing: the results of the fits do not matter."""


def compare() -> dict[str, Any]:
    """All combinations; freed memory goes back at once, so that a process has what it uses."""
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"
    sides = {}
    for name, batch, members in COMBINATIONS:
        wanted = f"{name}:{batch}:{members}"
        sides[f"{name}, batch {batch}, {members} members"] = side.run("benchmarks.memory", wanted)
    shares = [figures["predicted_share"] for figures in sides.values()]
    worst = max(abs(share - 1) for share in shares)
    return {
        "title": f"Predicted bytes against the process's growth; furthest apart: {worst:.1%}",
        "sides": sides,
    }


if __name__ == "__main__":
    name, batch, members = sys.argv[1].split(":")
    print(json.dumps(grown(name, int(batch), int(members))))

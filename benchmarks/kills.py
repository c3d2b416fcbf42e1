"""Fits that a search loses when it is killed: none of those that had ended.

Child processes search with a store and are killed (`kill -9`) at random moments, again and again
until their search has ended: searches of 300 fits, and some of long fits that are saved on their
way. All write down which fits have ended, and what their store kept and did not have. Counted are
fits that were kept and asked for in vain later (trained twice), damaged files, and searches whose
results are not those of a process that nobody killed, to the last digit; beside them fits that had
ended, but died in the moment before they were written. Seeds are fixed.

Then machines die: see `faults` in `benchmarks/cluster.py`.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import side

KILLS = {"regressors": 80, "classifiers": 80, "keras_models": 40, "long_fits": 40}
"""Searches of 300 fits, 200 kills; and searches whose fits are saved at the end of epochs."""

PER_SEARCH = 8
_EACH = 0.2  # Longest life, as a share of an uninterrupted search.
_INTERVAL = 0.05  # Seconds between two snapshots of a long fit.

_SERVER = get_context("forkserver")
"""Imports once what all children need, and trains nothing."""

_NEEDED = [
    "sklearn.datasets", "sklearn.model_selection", "kohort.estimators.dense.dense",
    "kohort.estimators.keras_models.regressor", "kohort.cohort.together", "keras",
]  # fmt: skip


def search(kind: str, random_state: int) -> tuple[Any, ...]:
    """A search of some kind, and what to fit it on."""
    import keras
    import numpy as np
    from sklearn.datasets import load_diabetes, load_iris
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

    import kohort

    X, y = load_diabetes(return_X_y=True)
    rates = np.geomspace(1e-4, 3e-2, 60)
    if kind == "regressors":
        model = kohort.DenseRegressor(
            width=8, depth=2, epochs=10, dropout=0.1, random_state=random_state
        )
        return GridSearchCV(model, {"learning_rate": rates}, cv=5), X, y
    if kind == "classifiers":
        space = {"learning_rate": rates, "width": [4, 8, 16], "optimizer": ["adam", "sgd"]}
        classifier = kohort.DenseClassifier(depth=1, epochs=20, random_state=random_state)
        chosen = RandomizedSearchCV(classifier, space, n_iter=60, cv=5, random_state=random_state)
        return chosen, *load_iris(return_X_y=True)
    if kind == "long_fits":
        long = kohort.DenseRegressor(
            width=16, depth=2, epochs=2000, dropout=0.1, batch_norm="before",
            early_stopping=True, patience=2000, random_state=random_state,
        )  # fmt: skip
        space = {"learning_rate": rates[::20], "optimizer": ["adam", "rmsprop"]}
        return GridSearchCV(long, space, cv=2), X, y

    def build(rate: float = 1e-2) -> Any:
        layers = [keras.layers.Dense(8, "relu"), keras.layers.LayerNormalization()]
        model = keras.Sequential([keras.Input((10,)), *layers, keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(rate), "mse", metrics=["mae"])
        return model

    model = kohort.KerasRegressor(build, epochs=5, random_state=random_state)
    return GridSearchCV(model, {"rate": rates}, cv=5), X, y


def child(kind: str, random_state: int, folder: Path | None, say: Connection) -> None:
    """Search with a store in a folder, or without one; tell that it begins, and what is found."""
    import kohort

    chosen, *data = search(kind, random_state)
    executor = _observed(folder, {"interval": _INTERVAL} if kind == "long_fits" else {})
    say.send("begun")
    begin = time.perf_counter()
    with kohort.together(executor=executor, progress=False):
        chosen.fit(*data)
    say.send(
        {
            "results": {
                name: list(map(str, values))
                for name, values in chosen.cv_results_.items()
                if "_time" not in name
            },
            "weights": [weights.tolist() for weights in _weights(chosen.best_estimator_)],
            "fits": executor.census().ended,
            "seconds": time.perf_counter() - begin,
        }
    )


def _weights(estimator: Any) -> Any:
    return getattr(estimator, "weights_", None) or estimator.model_.get_weights()


def _observed(folder: Path | None, options: dict[str, float]) -> Any:
    """An executor with a store that write down what ends, is kept, is missed, and goes on."""
    from kohort.engine.executors.local import LocalExecutor
    from kohort.engine.executors.storing import StoringExecutor
    from kohort.engine.folder_store import FolderStore
    from kohort.engine.member import PAUSED

    if folder is None:
        return LocalExecutor()
    file = os.open(f"{folder}.journal", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def note(*words: object) -> None:
        os.write(file, f"{' '.join(map(str, words))}\n".encode())  # A kill leaves whole lines.

    def epoch(outcome: Any) -> int:
        return json.loads(outcome.cause)["epoch"] if outcome.status == PAUSED else -1

    class Journal(FolderStore):
        def get(self, key: str) -> Any:
            outcome = super().get(key)
            note("missed", key) if outcome is None else note("found", key, epoch(outcome))
            return outcome

        def put(self, key: str, outcome: Any) -> None:
            super().put(key, outcome)
            if outcome.weights is not None:  # Else a snapshot that is needed no more.
                note("kept", key, epoch(outcome))

    class Watched(LocalExecutor):
        def submit(self, member: Any, done: Any, saving: Any = None) -> Any:
            return super().submit(member, lambda fit: (note("ended", "-"), done(fit)), saving)

    return StoringExecutor(Watched(), Journal(folder), **options)


def run(kind: str, random_state: int, folder: Path | None, life: float | None) -> Any:
    """A child's results; None if it was killed `life` seconds after its search began."""
    hear, say = _SERVER.Pipe(duplex=False)
    process = _SERVER.Process(target=child, args=(kind, random_state, folder, say))
    process.start()
    say.close()
    hear.recv()
    told = hear.recv() if hear.poll(life) else None
    process.kill()
    process.join()
    return told


def judged(folder: Path) -> Counter[str]:
    """Counts from the journal of all processes that used a store."""
    counts: Counter[str] = Counter()
    kept: dict[str, int] = {}
    for line in Path(f"{folder}.journal").read_text().splitlines():
        word, key, *epoch = line.split()
        if word == "ended":
            counts["not yet written"] += 1
        elif word == "missed":
            counts["trained twice"] += key in kept
        elif word == "kept":
            kept[key] = int(epoch[0])
            counts["kept"] += kept[key] < 0
            counts["not yet written"] -= kept[key] < 0
        elif int(epoch[0]) >= 0:
            counts["went on in their middle"] += 1
            counts["went on too early"] += int(epoch[0]) < kept.get(key, 0)
    return counts


def killed(kind: str, kills: int) -> dict[str, Any]:
    """Searches of a kind, one after the other, until `kills` children have been killed."""
    from kohort.engine.folder_store import FolderStore

    generator = random.Random(kind)
    counts: Counter[str] = Counter()
    begin = time.perf_counter()
    run(kind, 0, None, None)  # Programs of XLA are compiled.
    while counts["kills"] < kills:
        seed = counts["searches"]
        whole = run(kind, seed, None, None)
        with tempfile.TemporaryDirectory() as parent:
            folder, told = Path(parent) / "store", None
            for _ in range(min(PER_SEARCH, kills - counts["kills"])):
                told = run(kind, seed, folder, generator.uniform(0, _EACH * whole["seconds"]))
                if told is not None:
                    break
                counts["kills"] += 1
                counts["damaged files"] += len(FolderStore(folder).verify())
            told = told or run(kind, seed, folder, None)
            same = all(told[name] == whole[name] for name in ("results", "weights"))
            counts["other results"] += not same
            counts["searches"] += 1
            counts["fits"] += whole["fits"]
            counts["damaged files"] += len(FolderStore(folder).verify())
            counts.update(judged(folder))
            counts["left over"] += len(list(folder.rglob(".*.part")))
        print(kind, dict(counts), flush=True)
    return {"seconds": time.perf_counter() - begin, **counts}


def compare() -> dict[str, Any]:
    """Kill searches, long fits, and a machine of a cluster."""
    _SERVER.set_forkserver_preload(_NEEDED)
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"KERAS_BACKEND": "jax", "KOHORT_CACHE": cache}
        sides = {kind: killed(kind, kills) for kind, kills in KILLS.items()}
    sides["a machine of three"] = side.run("benchmarks.cluster", "faults")
    return {
        "title": "Searches that were killed",
        "sides": sides,
        "more": [f"Told of the machine: {sides['a machine of three']['told']}"],
    }

"""Functional Keras models of six structures in one search: compilations, cold and warm.

6 depths x 4 rates x 3 folds on 1,000 rows, in a fresh process without a folder of compiled
programs, then in another process with the folder that the first one has left.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any

from sklearn.model_selection import GridSearchCV

from benchmarks import own_models, side

ROWS, EPOCHS = 1000, 10
SPACE = {"depth": [1, 2, 3, 4, 5, 6], "learning_rate": [1e-3, 2e-3, 4e-3, 8e-3]}


def dense_blocks(depth: int = 1, learning_rate: float = 1e-3) -> Any:
    """A densely connected network: each layer reads all those before it."""
    import keras

    inputs = x = keras.Input((8,))
    for _ in range(depth):
        x = keras.layers.Concatenate()([x, keras.layers.Dense(16, "relu")(x)])
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.Adam(learning_rate), "mse")
    return model


def search_side() -> dict[str, Any]:
    import kohort
    from kohort.engine.programs import compilations

    X, y = (part[:ROWS] for part in own_models.scaled()["train"])
    estimator = kohort.KerasRegressor(
        dense_blocks, epochs=EPOCHS, validation_split=0.2, random_state=0
    )
    search = GridSearchCV(estimator, SPACE, cv=3)
    start = time.perf_counter()
    with kohort.together(), compilations() as log:
        search.fit(X, y)
    return {
        "seconds": time.perf_counter() - start,
        "fits": len(search.cv_results_["params"]) * 3 + 1,
        "best_score": float(search.best_score_),
        "programs": len(log),
        "compiled": sum(not entry.cached for entry in log),
        "traced": sum(entry.traced for entry in log),
        "compile_seconds": sum(entry.seconds for entry in log),
    }


def compare() -> dict[str, Any]:
    """Both processes."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {name: side.run(__spec__.name, "search", folder) for name in ("cold", "warm")}
    ratio = sides["cold"]["seconds"] / sides["warm"]["seconds"]
    return {
        "title": "Functional models of six structures, cold and warm",
        "sides": sides,
        "ratios": {"itself without programs on disk": ratio},
        "wanted": {"itself without programs on disk": "above 1"},
    }


if __name__ == "__main__":
    print(json.dumps(globals()[f"{sys.argv[1]}_side"]()))

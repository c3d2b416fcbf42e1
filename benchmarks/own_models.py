"""Users' own Keras models: against `DenseRegressor`, and against Keras's `fit` one by one.

- The book's search (chapter 10: depth 0-3, width 1-99, rate 3e-4 to 3e-2, at most 100 epochs,
  patience 10) with a build function that returns a compiled model, 100 candidates x 3 folds, beside
  `DenseRegressor` with the same space on the same standardised features.
- A functional model with a skip connection and one with batch norm and dropout, 20 candidates x 3
  folds over rates, dropout and L2, 10 epochs each. Keras is timed on 6 of the 60 fits, and scaled.
- Three searches over different build functions, twice in one process: memory and compilations.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from examples import california_housing as demo
from scipy.stats import loguniform, uniform
from sklearn.model_selection import KFold, ParameterSampler, RandomizedSearchCV
from sklearn.preprocessing import StandardScaler

from benchmarks import overhead, side

TIMED, CANDIDATES, EPOCHS = 6, 20, 10
SPACE = {"learning_rate": loguniform(1e-3, 1e-2), "dropout": uniform(0.0, 0.5)}


def book_model(depth: int = 1, width: int = 30, learning_rate: float = 1e-2) -> Any:
    import keras

    hidden = [
        keras.layers.Dense(width, "relu", kernel_initializer="he_normal") for _ in range(depth)
    ]
    model = keras.Sequential([keras.Input((8,)), *hidden, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(learning_rate), "mse")
    return model


def wide_and_deep(learning_rate: float = 1e-3, dropout: float = 0.2) -> Any:
    import keras

    layers = keras.layers
    inputs = keras.Input((8,))
    x = layers.Dense(30, "relu", kernel_regularizer=keras.regularizers.L2(dropout / 1000))(inputs)
    x = layers.Dropout(dropout)(layers.Dense(30, "relu")(x))
    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([inputs, x])))
    model.compile(keras.optimizers.Adam(learning_rate), "mse", metrics=["mae"])
    return model


def normalised(learning_rate: float = 1e-3, dropout: float = 0.2) -> Any:
    import keras

    layers = keras.layers
    hidden = [
        layer
        for _ in range(2)
        for layer in (
            layers.Dense(50, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dropout(dropout),
        )
    ]
    model = keras.Sequential([keras.Input((8,)), *hidden, layers.Dense(1)])
    model.compile(keras.optimizers.Nadam(learning_rate), "mse", metrics=["mae"])
    return model


MODELS = {"skip": wide_and_deep, "norm": normalised}


def scaled() -> dict[str, tuple[Any, Any]]:
    parts = side.california()
    scaler = StandardScaler().fit(parts["train"][0])
    return {name: (scaler.transform(X), y) for name, (X, y) in parts.items()}


def _searched(search: Any, *data: Any, **options: Any) -> dict[str, Any]:
    import kohort
    from kohort.engine.programs import compilations

    start = time.perf_counter()
    with kohort.together() as cohort, compilations() as log:
        search.fit(*data, **options)
    return {
        "seconds": time.perf_counter() - start,
        "fits": len(cohort.record),
        "best_score": search.best_score_,
        "epochs": sum(len(record.history.get("loss", ())) for record in cohort.record),
        "programs": len(log),
        "compile_seconds": sum(entry.seconds for entry in log),
    }


def _book_search(estimator: Any) -> Any:
    return RandomizedSearchCV(
        estimator, demo.SPACE, n_iter=demo.CANDIDATES, cv=demo.FOLDS, random_state=demo.SEED,
        scoring="neg_mean_squared_error",
    )  # fmt: skip


def dense_side() -> dict[str, Any]:
    import kohort

    parts = scaled()
    estimator = kohort.DenseRegressor(
        optimizer="sgd",
        epochs=100,
        patience=10,
        standardize=False,
        random_state=0,
        kernel_initializer="he_normal",
        **side.PLAIN,
    )
    return _searched(_book_search(estimator), *parts["train"], validation_data=parts["valid"])


def book_side() -> dict[str, Any]:
    import keras

    import kohort

    parts = scaled()
    estimator = kohort.KerasRegressor(
        book_model, epochs=100, random_state=0,
        callbacks=[keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)],
    )  # fmt: skip
    return _searched(_book_search(estimator), *parts["train"], validation_data=parts["valid"])


def _own_search(kind: str) -> Any:
    import kohort

    estimator = kohort.KerasRegressor(MODELS[kind], epochs=EPOCHS, random_state=0)
    return RandomizedSearchCV(estimator, SPACE, n_iter=CANDIDATES, cv=3, random_state=0)


def own_side(kind: str) -> dict[str, Any]:
    return _searched(_own_search(kind), *scaled()["train"])


def keras_side(kind: str) -> dict[str, Any]:
    X, y = scaled()["train"]
    candidates = list(ParameterSampler(SPACE, CANDIDATES, random_state=0))
    fits = [(c, train) for c in candidates for train, _ in KFold(3).split(X)]
    drawn = np.random.default_rng(0).choice(len(fits), TIMED, replace=False)
    start = time.perf_counter()
    for index in drawn:
        candidate, train = fits[index]
        model = MODELS[kind](**candidate)
        model.fit(X[train], y[train], batch_size=32, epochs=EPOCHS, verbose=0)
    total = len(fits) + 1
    return {
        "seconds": (time.perf_counter() - start) / TIMED * total, "fits": total, "timed": TIMED
    }  # fmt: skip


def memory_side() -> dict[str, Any]:
    X, y = (part[:1000] for part in scaled()["train"])
    import kohort
    from kohort.engine.programs import compilations

    rounds: list[dict[str, float]] = []
    start = time.perf_counter()
    for _ in range(4):
        with kohort.together(), compilations() as log:
            for kind in MODELS:
                _own_search(kind).fit(X, y)
            book = kohort.KerasRegressor(book_model, epochs=3, random_state=0)
            space = {"depth": [1, 2], "width": [10, 20, 40], "learning_rate": [1e-2, 1e-3]}
            RandomizedSearchCV(book, space, n_iter=10, random_state=0, cv=3).fit(X, y)
        rounds.append({"MiB": overhead.resident() / 2**20, "programs": len(log)})
    return {
        "seconds": time.perf_counter() - start,
        **{f"round {i + 1} {k}": value for i, r in enumerate(rounds) for k, value in r.items()},
    }


def compare() -> dict[str, Any]:
    """All sides of all parts."""
    name = "benchmarks.own_models"
    sides = {
        "book, DenseRegressor": side.run(name, "dense"),
        "book, KerasRegressor": side.run(name, "book"),
    }
    for kind in MODELS:
        sides[f"{kind}, KerasRegressor"] = side.run(name, f"own:{kind}")
        sides[f"{kind}, Keras fit"] = side.run(name, f"keras:{kind}")
    sides["three searches, four times"] = side.run(name, "memory")
    ratios = {
        f"Keras fit, {kind}": sides[f"{kind}, Keras fit"]["seconds"]
        / sides[f"{kind}, KerasRegressor"]["seconds"]
        for kind in MODELS
    }
    book = sides["book, KerasRegressor"]["seconds"] / sides["book, DenseRegressor"]["seconds"]
    return {
        "title": "Users' own Keras models in a cohort",
        "sides": sides,
        "ratios": {**ratios, "itself, of a KerasRegressor's search as a DenseRegressor's": book},
        "wanted": {
            **dict.fromkeys(ratios, 15),
            "itself, of a KerasRegressor's search as a DenseRegressor's": "at most 1.3",
        },
    }


if __name__ == "__main__":
    part, _, kind = sys.argv[1].partition(":")
    print(json.dumps(globals()[f"{part}_side"](*([kind] if kind else []))))

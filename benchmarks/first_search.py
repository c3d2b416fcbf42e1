"""Seconds of the README's first search as a whole process, with cold caches.

Diabetes, 20 candidates by 3 folds: `DenseRegressor` in scikit-learn's own `RandomizedSearchCV`
inside `kohort.together()`, without the export at the end, against the same search of
`MLPRegressor(early_stopping=True)` with `n_jobs=2`. A side is a fresh process; the minimum of the
turns counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

TURNS = 5
CANDIDATES = 20


def kohort_side() -> dict[str, Any]:
    from scipy.stats import loguniform, randint
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import RandomizedSearchCV

    import kohort

    X, y = load_diabetes(return_X_y=True)
    space = {
        "depth": randint(1, 4),
        "width": randint(8, 100),
        "learning_rate": loguniform(3e-4, 3e-2),
        "dropout": [0.0, 0.1, 0.2],
    }
    search = RandomizedSearchCV(
        kohort.DenseRegressor(random_state=0), space, n_iter=CANDIDATES, cv=3, random_state=0
    )
    start = time.perf_counter()
    with kohort.together(progress=False):
        search.fit(X, y)
    return {"search_seconds": time.perf_counter() - start, "best_r2": search.best_score_}


def sklearn_side() -> dict[str, Any]:
    import warnings

    from scipy.stats import loguniform
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import RandomizedSearchCV
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    class Widths:
        """`depth` layers of `width` units, as the other side draws them."""

        def rvs(self, random_state: Any = None) -> tuple[int, ...]:
            return (int(random_state.randint(8, 100)),) * int(random_state.randint(1, 4))

    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), MLPRegressor(early_stopping=True, random_state=0))
    space = {
        "mlpregressor__learning_rate_init": loguniform(3e-4, 3e-2),
        "mlpregressor__hidden_layer_sizes": Widths(),
    }
    search = RandomizedSearchCV(model, space, n_iter=CANDIDATES, cv=3, random_state=0, n_jobs=2)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ["PYTHONWARNINGS"] = "ignore"
        search.fit(X, y)
    return {"search_seconds": time.perf_counter() - start, "best_r2": search.best_score_}


def whole(code: str) -> dict[str, Any]:
    """Seconds of a fresh process from its start to its end, and what its last line says."""
    with tempfile.TemporaryDirectory() as cold:
        environment = {**os.environ, "KOHORT_CACHE": cold}
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *code.split()], env=environment, stdout=subprocess.PIPE, text=True,
            check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - start
    lines = done.stdout.strip().splitlines()
    return {"seconds": seconds, **(json.loads(lines[-1]) if lines else {})}


def imported(name: str) -> float:
    """Seconds that a fresh process needs to import a module and end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
    return time.perf_counter() - start


def compare() -> dict[str, Any]:
    sides = {"kohort": "kohort", "scikit-learn's MLP, n_jobs=2": "sklearn"}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    imports: dict[str, list[float]] = {"kohort": [], "sklearn.neural_network": []}
    for _ in range(TURNS):
        for name, argument in sides.items():
            runs[name].append(whole(f"-m benchmarks.first_search {argument}"))
        for name, times in imports.items():
            times.append(imported(name))
    best = {name: min(found, key=lambda run: run["seconds"]) for name, found in runs.items()}
    for name, found in runs.items():
        best[name] = best[name] | {"search_seconds": min(run["search_seconds"] for run in found)}
    ours, theirs = best.values()
    least = {name: min(times) for name, times in imports.items()}
    ratio = least["kohort"] / least["sklearn.neural_network"]
    return {
        "title": f"The first search, a whole process with cold caches, the best of {TURNS} turns",
        "sides": best | {f"import {name}": {"seconds": value} for name, value in least.items()},
        "ratios": {
            "scikit-learn, the whole process": theirs["seconds"] / ours["seconds"],
            "scikit-learn, the search alone": theirs["search_seconds"] / ours["search_seconds"],
        },
        "wanted": {"scikit-learn, the whole process": "5", "scikit-learn, the search alone": "8"},
        "more": [
            f"`import kohort` takes {ratio:.2f} times as long as `import sklearn.neural_network` "
            "(wanted: at most 1.3)."
        ],
    }


if __name__ == "__main__":
    print(json.dumps({"kohort": kohort_side, "sklearn": sklearn_side}[sys.argv[1]]()))

"""Fail unless kohort, installed without any extra, trains and says how each extra is installed.

Runs in an environment that holds kohort and what it depends on, nothing else:
`python tools/try_wheel.py FOLDER` makes one.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV

import kohort

_X = np.random.default_rng(0).normal(size=(60, 3)).round(3)
_TABLE = pd.DataFrame({"place": ["up", "down", "left"] * 20, "size": _X[:, 0]})
_NETWORK = kohort.DenseRegressor(epochs=2, width=8, random_state=0)


def _search() -> GridSearchCV:
    search = GridSearchCV(_NETWORK, {"learning_rate": [1e-3, 1e-2]}, cv=2)
    with kohort.together(progress=False):
        return search.fit(_X, _X[:, 0])


def _tables() -> None:
    kohort.TabularRegressor().fit(_TABLE, _X[:, 1])


def _optuna() -> None:
    kohort.AdaptiveSearchCV(
        _NETWORK, {"learning_rate": [1e-3, 1e-2]}, n_candidates=2, cv=2, sampler="tpe"
    ).fit(_X, _X[:, 0])


def _images() -> None:
    kohort.ConvClassifier(epochs=1).fit(["a.png", "b.png"], [0, 1])


def _streaming() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.parquet")
        pd.DataFrame(_X, columns=["a", "b", "y"]).to_parquet(path)
        table = kohort.ParquetTable(path, ["a", "b"])
        kohort.DenseRegressor(epochs=1, workers=1).fit(table, _X[:, 2])


def _track(tracker: Callable[[str], object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kohort.log_search(_search(), tracker(folder))


_ABSENT: dict[str, Callable[[], object]] = {
    "tables": _tables,
    "plot": lambda: kohort.plot_schedule(_NETWORK),
    "images": _images,
    "report": lambda: kohort.search_report(_search()),
    "streaming": _streaming,
    "tensorboard": lambda: _track(kohort.TensorBoardTracker),
    "mlflow": lambda: _track(kohort.MLflowTracker),
    "optuna": _optuna,
    "ray": kohort.RayExecutor,
}
"""A use of each extra, by the extra's name."""


def main() -> None:
    assert _search().best_params_["learning_rate"] in (1e-3, 1e-2)
    failed = []
    for extra, use in _ABSENT.items():
        try:
            use()
        except Exception as error:
            told = str(error)
        else:
            told = "no error"
        if f'pip install "kohort[{extra}]"' not in told:
            failed.append(f"{extra}: {told}")
        print(f"without {extra}: {told}")
    if failed:
        sys.exit("\n".join(["These do not say how the extra is installed.", *failed]))


if __name__ == "__main__":
    main()

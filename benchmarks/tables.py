"""Real tables for benchmarks that the repository is too small to hold."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import bundled

SHARED = (
    "california", "diamonds", "ames", "bikeshare", "adult", "bank", "telco_churn", "spam", "letter",
    "satellite",
)  # fmt: skip
"""Tables of the folder that `KOHORT_DATA` names."""
NAMES = (*SHARED, *bundled.NAMES)


@dataclass(frozen=True)
class Split:
    """Rows of a table to train on and rows that are held out, as numbers.

    Attributes
    ----------
    task : {"regression", "binary", "multiclass"}
    X, X_test : array, shape (row, feature)
    y, y_test : array, shape (row,)
        Numbers, or codes of classes from 0 on.
    """

    task: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def split(name: str, seed: int, rows: int, held_out: int) -> Split:
    """A split of a table by `seed`: up to `rows` rows and three quarters to train on.

    Text becomes numbers by what the rows to train on say (skrub's `TableVectorizer`).
    """
    from sklearn.model_selection import train_test_split

    from kohort.searches.problems.preprocessing import TablePreprocessor

    frame, target, task = raw_table(name)
    known = target.notna()
    frame, target = frame[known].reset_index(drop=True), target[known].reset_index(drop=True)
    is_regression = task == "regression"
    codes = np.unique(target.astype(str), return_inverse=True)[1]
    y = target.to_numpy(float) if is_regression else codes
    train, test = train_test_split(
        np.arange(len(y)), train_size=min(rows, 3 * len(y) // 4), random_state=seed,
        stratify=None if is_regression else y,
    )  # fmt: skip
    test = test[:held_out]
    table = TablePreprocessor(random_state=0)
    X = table.fit_transform(frame.iloc[train])
    return Split(task, X, y[train], table.transform(frame.iloc[test]), y[test])


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features and target of a table whose features are all numbers, such as `letter` (UCI Letter
    Recognition) and `satellite` (Statlog Landsat).
    """
    frame, y, _ = raw_table(name)
    return frame.to_numpy(np.float64), y.to_numpy()


def raw_table(name: str) -> tuple[pd.DataFrame, pd.Series, str]:
    """Features, target and task of a bundled table or of `NAME.parquet` in `KOHORT_DATA`'s folder.

    The folder's `manifest.json` gives each table's target and task.
    """
    if name in bundled.NAMES:
        return bundled.bundled_table(name, raw_table)
    folder = Path(os.environ.get("KOHORT_DATA", "data"))
    if not (folder / "manifest.json").exists():
        sys.exit(
            f"{folder} holds no manifest.json: set KOHORT_DATA to a folder with {name}.parquet and "
            f'manifest.json, {{"{name}": {{"target": "column"}}}}.'
        )
    about = json.loads((folder / "manifest.json").read_text())[name]
    frame = pd.read_parquet(folder / f"{name}.parquet")
    y = frame.pop(about["target"])
    return frame, y, about.get("task", "")


def interval(differences: np.ndarray) -> dict[str, float]:
    """Mean of paired differences and its 95 % confidence interval, by Student's t."""
    from kohort.studies.comparison.comparison import paired_interval

    low, high = paired_interval(differences)
    return {"mean": float(np.mean(differences)), "low": low, "high": high}


def shown(change: dict[str, float] | None) -> str:
    """A result of `interval` as text; nothing for None."""
    if change is None:
        return ""
    return f"{change['mean']:+.4f} [{change['low']:+.4f}, {change['high']:+.4f}]"

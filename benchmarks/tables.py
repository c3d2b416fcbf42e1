"""Real tables for benchmarks that the repository is too small to hold."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Features and target of a table whose features are all numbers, such as `letter` (UCI Letter
    Recognition) and `satellite` (Statlog Landsat).
    """
    frame, y, _ = raw_table(name)
    return frame.to_numpy(np.float64), y.to_numpy()


def raw_table(name: str) -> tuple[pd.DataFrame, pd.Series, str]:
    """Features, target and task of `NAME.parquet` in the folder that `KOHORT_DATA` names.

    The folder's `manifest.json` gives each table's target and task.
    """
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

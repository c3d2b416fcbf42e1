"""Run one side of a benchmark in a fresh process, with a cold cache unless told otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

CALIFORNIA = Path(__file__).parent.parent / "examples" / "california_housing.parquet"


PLAIN: dict[str, Any] = {
    "output_initializer": "auto",
    "output_bias": "zeros",
    "scale_binary": True,
    "input_clip": None,
    "ema_momentum": None,
}
"""A dense network as Keras has it, for benchmarks that train the same network on both sides."""


def run(module: str, side: str, cache: str | None = None) -> dict[str, Any]:
    """Result that `python -m MODULE SIDE` prints as its last line, as JSON."""
    with tempfile.TemporaryDirectory() as cold:
        environment = {**os.environ, "KERAS_BACKEND": "jax", "KOHORT_CACHE": cache or cold}
        done = subprocess.run(
            [sys.executable, "-m", module, side],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def california() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The book's split of California housing: train, validation, test."""
    table = pd.read_parquet(CALIFORNIA)
    y = table.pop("MedHouseVal").to_numpy(np.float64)
    X = table.to_numpy(np.float64)
    X_full, X_test, y_full, y_test = train_test_split(X, y, random_state=42)
    X_train, X_valid, y_train, y_valid = train_test_split(X_full, y_full, random_state=42)
    return {
        "train": (X_train, y_train),
        "valid": (X_valid, y_valid),
        "test": (X_test, y_test),
    }

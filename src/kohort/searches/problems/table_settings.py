"""Settings of networks for tables: which there are, and the space that is searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.stats import loguniform, randint, uniform

from kohort.searches.problems.dense_settings import check_dense_setting


@dataclass(frozen=True)
class TableParameters:
    """Those of the dense network for a table; see `NetworkParameters`.

    Parameters
    ----------
    task : {"classification", "regression"}
    """

    task: str

    def space(self, method: str) -> dict[str, Any]:
        if method == "grid":
            return {
                "depth": [1, 2, 3],
                "width": [64, 128],
                "activation": ["relu"],
                "optimizer": ["adamw"],
                "learning_rate": [1e-3, 1e-2],
                "dropout": [0.0, 0.2],
                "weight_decay": [1e-4, 1e-2],
            }
        return {
            "depth": randint(1, 5),
            "width": [32, 64, 128, 256],
            "activation": ["relu", "silu"],
            "optimizer": ["adam", "adamw", "nesterov"],
            "learning_rate": loguniform(3e-4, 3e-2),
            "dropout": uniform(0.0, 0.4),
            "weight_decay": loguniform(1e-5, 1e-1),
            "n_bins": [None, 8, 32],
        }

    def check(self, name: str, value: object) -> None:
        check_dense_setting(self.task, name, value)

"""Settings of networks for tables: which there are, and the space that is searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.stats import loguniform, randint, uniform

from kohort.searches.problems.dense_settings import check_dense_setting

_FEW = 2_000_000
"""Values of a table up to which bins are searched: with 32 of them it is 33 times as large."""


@dataclass(frozen=True)
class TableParameters:
    """Those of the dense network for a table; see `NetworkParameters`.

    Parameters
    ----------
    task : {"classification", "regression"}
    values : int, default=0
        Number of values in the table, rows times columns.
    """

    task: str
    values: int = 0

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
        bins: dict[str, Any] = {"n_bins": [None, 8, 32]} if self.values <= _FEW else {}
        return {
            "depth": randint(1, 5),
            "width": [32, 64, 128, 256],
            "activation": ["relu", "silu"],
            "optimizer": ["adam", "adamw", "nesterov"],
            "learning_rate": loguniform(3e-4, 3e-2),
            "dropout": uniform(0.0, 0.4),
            "weight_decay": loguniform(1e-5, 1e-1),
            **bins,
        }

    def check(self, name: str, value: object) -> None:
        check_dense_setting(self.task, name, value)

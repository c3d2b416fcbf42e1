"""Settings of networks for tables: which there are, and the space that is searched."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from scipy.stats import loguniform, randint, uniform

from kohort.data.tasks import CLASSIFICATION
from kohort.errors import ParameterError, explain, suggest
from kohort.estimators.dense.dense import DenseClassifier, DenseRegressor
from kohort.estimators.dense.parameters import MAY_BE_AUTO
from kohort.recipe.constraints import check
from kohort.recipe.recipe import CONSTRAINTS
from kohort.recipe.synonyms import PARAMETERS
from kohort.studies.prepared import is_auto

_RESERVED = ("random_state", "verbose")


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
        }

    def check(self, name: str, value: object) -> None:
        kind = DenseClassifier if self.task == CLASSIFICATION else DenseRegressor
        known = [field.name for field in fields(kind) if field.name not in _RESERVED]
        if name not in known:
            remedy = suggest(name, known, PARAMETERS)
            if name in _RESERVED:
                remedy = "Use --seed." if name == "random_state" else "It cannot be set here."
            requirement = f"one of a {self.task}'s network"
            raise ParameterError(explain("parameter", requirement, name, remedy))
        # The classes' number decides which losses fit, so the estimator checks that one.
        if name in CONSTRAINTS and name != "loss" and not (is_auto(value) and name in MAY_BE_AUTO):
            check(name, value, CONSTRAINTS[name])

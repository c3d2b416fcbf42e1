"""Settings of networks for folders of images: which there are, and the space that is searched."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import loguniform, uniform

from kohort.errors import ParameterError, explain, suggest
from kohort.estimators.conv import ConvClassifier
from kohort.recipe.constraints import Interval, check, flag
from kohort.recipe.synonyms import PARAMETERS
from kohort.studies.prepared import or_auto

PATIENCE = "callbacks__patience"
"""Epochs without a better validation loss before training stops."""

_RESERVED = ("random_state", "verbose", "callbacks", "loss", "metrics", "warm_start")
_CONSTRAINTS = {
    "learning_rate": or_auto(Interval(0, np.inf, "neither")),
    PATIENCE: Interval(1, np.inf, whole=True),
    "shuffle": flag(),
}


class ImageParameters:
    """Those of `ConvClassifier` for a folder of images; see `NetworkParameters`."""

    def space(self, method: str) -> dict[str, Any]:
        """Few structures, each of which is compiled anew (depth, width, augmentation), and many
        numbers, which cost nothing.
        """
        structures: dict[str, Any] = {"width": [16, 32], "augment": [[], ["flip", "crop"]]}
        if method == "grid":
            return {
                "depth": [2],
                **structures,
                "learning_rate": [1e-3, 5e-3],
                "dropout": [0.0, 0.3],
            }
        return {
            "depth": [2, 3],
            **structures,
            "augment_strength": uniform(0.05, 0.15),
            "learning_rate": loguniform(3e-4, 1e-2),
            "dropout": uniform(0.0, 0.5),
        }

    def check(self, name: str, value: object) -> None:
        known = [PATIENCE, *(own for own in ConvClassifier().get_params() if own not in _RESERVED)]
        if name not in known and not name.startswith("optimizer__"):
            remedy = suggest(name, known, PARAMETERS)
            if name in _RESERVED:
                remedy = "Use --seed." if name == "random_state" else "It cannot be set here."
            raise ParameterError(explain("parameter", "one of ConvClassifier", name, remedy))
        if name in _CONSTRAINTS:
            check(name, value, _CONSTRAINTS[name])
        elif name == "optimizer":
            _check_optimizer(value)
        else:
            given: dict[str, Any] = {name: value}
            estimator = ConvClassifier(**given)
            estimator._recipe()
            estimator._check_reading()
            estimator._options({})
            estimator._check_reading()


def _check_optimizer(value: object) -> None:
    import keras

    names = sorted(
        name.lower()
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type) and name not in ("Optimizer", "LossScaleOptimizer")
    )
    if not isinstance(value, str) or value.lower() not in names:
        remedy = suggest(str(value), names)
        raise ParameterError(explain("optimizer", "one of Keras's optimizers", value, remedy))

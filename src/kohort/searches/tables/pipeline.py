"""From a raw table to predictions: skrub's vectorizer, an imputer, a dense network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import joblib
from sklearn.pipeline import Pipeline

from kohort.arrays import Estimator
from kohort.data.tasks import CLASSIFICATION
from kohort.estimators.dense.dense import DenseClassifier, DenseRegressor
from kohort.searches.problems.preprocessing import TablePreprocessor

TABLE, NETWORK = "table", "network"
"""Names of the steps."""

PREFIX = f"{NETWORK}__"
"""Of the network's parameters in a search."""


def tabular_pipeline(
    task: str,
    *,
    random_state: int | None = None,
    memory: joblib.Memory | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Pipeline from a raw table to predictions: vectorizer, imputer, dense network.

    Parameters
    ----------
    task : {"classification", "regression"}
    random_state : int or None, default=None
    memory : joblib.Memory or None, default=None
        Keeps preprocessed folds, so that each is preprocessed once in a search.
    settings : mapping, default=None
        Parameters of the network that differ from their defaults.

    Returns
    -------
    Pipeline
        Steps `"table"` and `"network"`.
    """
    kind = DenseClassifier if task == CLASSIFICATION else DenseRegressor
    network = kind(random_state=random_state).set_params(**(settings or {}))
    return pipeline_of(network, random_state, memory)


def pipeline_of(
    network: Estimator, random_state: int | None = None, memory: joblib.Memory | None = None
) -> Pipeline:
    """The same for a network that is there already."""
    table = TablePreprocessor(random_state=random_state, memory=memory)
    return Pipeline([(TABLE, table), (NETWORK, network)])

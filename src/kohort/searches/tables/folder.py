"""The folder of a model of raw tables: its transformers, and the network behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.pipeline import Pipeline

from kohort.arrays import Estimator, Floats, PathLike
from kohort.errors import DataError, shown
from kohort.searches.ensembles.loading import load_file
from kohort.searches.problems.model_description import (
    load_pickle,
    read_description,
    refuse_untrusted,
    write_description,
)
from kohort.searches.problems.preprocessing import TablePreprocessor
from kohort.searches.tables.pipeline import NETWORK, TABLE

_PREPROCESSING, _ESTIMATOR = "preprocessing.joblib", "estimator.kohort"
_KERAS, _RESIDUALS = "model.keras", "residuals.npy"


def write_tabular(table: Estimator, folder: PathLike, target: str = "target") -> None:
    """Write a fitted `TabularRegressor` or `TabularClassifier` into a folder.

    `model.keras` holds the networks for Keras (an input is what the transformers give),
    `estimator.kohort` the same for kohort; `preprocessing.joblib` the transformers of a single
    network, those of an ensemble stand in its file; `residuals.npy` what intervals are made of;
    `model.json` the columns, the target and the classes.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    folder, network = Path(folder), table.network_
    try:
        folder.mkdir(exist_ok=True)
        table.to_keras().save(folder / _KERAS)
        network.save(folder / _ESTIMATOR)
        if isinstance(table.model_, Pipeline):
            joblib.dump(table.model_.named_steps[TABLE].pipeline_, folder / _PREPROCESSING)
        if (residuals := getattr(table, "residuals_", None)) is not None:
            np.save(folder / _RESIDUALS, residuals, allow_pickle=False)
    except OSError as error:
        raise DataError(
            f"The model cannot be written to {shown(str(folder))}: {error.strerror or error}. "
            "Choose a folder that can be written."
        ) from error
    classes = getattr(network, "classes_", None)
    write_description(folder, table.task, target, classes, columns=table.columns_)


def read_tabular(
    folder: PathLike, trusted: bool = False
) -> tuple[Estimator, dict[str, Any], Floats | None]:
    """The model, the description and the residuals of a folder that `write_tabular` wrote.

    Parameters
    ----------
    folder : str or path
    trusted : bool, default=False
        Whether you know who wrote it: the preprocessing is a pickle, which may run any program.

    Raises
    ------
    DataError
        If the folder is not trusted, or does not hold a model that this version can read.
    """
    folder = Path(folder)
    content = read_description(folder, ("columns", "target", "task"), (_ESTIMATOR,))
    refuse_untrusted(folder, trusted)
    model = None
    if (folder / _PREPROCESSING).is_file():
        preprocessing = TablePreprocessor.of(load_pickle(folder, _PREPROCESSING, trusted))
        network = load_file(folder / _ESTIMATOR, trusted)
        model = Pipeline([(TABLE, preprocessing), (NETWORK, network)])
    residuals = folder / _RESIDUALS
    known = np.load(residuals, allow_pickle=False) if residuals.is_file() else None
    return model or load_file(folder / _ESTIMATOR, trusted), content, known

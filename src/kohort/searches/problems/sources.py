"""Sources that paths lead to: a table, a folder of images, or a model of either kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kohort.data.csv_files import CsvTable
from kohort.data.table_files import ParquetFile
from kohort.data.tables import refuse_no_rows
from kohort.data.tasks import CLASSIFICATION, IMAGES, REGRESSION
from kohort.errors import DataError, explain
from kohort.searches.problems.image_folder import ImageModel, image_problem
from kohort.searches.problems.image_settings import ImageParameters
from kohort.searches.problems.model_description import read_description
from kohort.searches.problems.problem import Model, Problem
from kohort.searches.problems.tabular import TabularModel, table_problem
from kohort.searches.spaces import read_settings

_MODELS: dict[str, type[ImageModel] | type[TabularModel]] = {
    IMAGES: ImageModel,
    CLASSIFICATION: TabularModel,
    REGRESSION: TabularModel,
}
"""By the task that a model's description names."""


def read_problem(
    data: Path,
    file: CsvTable | ParquetFile | None,
    target: str | None,
    task: str,
    settings: Sequence[str],
    seed: int,
) -> tuple[Problem, dict[str, Any]]:
    """Read the data to learn from, and the settings of the network for them.

    Parameters
    ----------
    data : path
        A table, or a folder with a sub-folder of images per class.
    file : CsvTable, ParquetFile or None
        The table as `opened` gives it; None for a folder.
    target : str or None
        The table's column to predict; None for a folder.
    task : {"auto", "classification", "regression"}
    settings : sequence of str
        Of the form `NAME=VALUE`.
    seed : int

    Raises
    ------
    ParameterError, DataError
        If the data or a setting cannot be used.
    """
    if file is None or target is None:
        values = read_settings(settings, ImageParameters())
        return image_problem(data, values, seed), values
    table = file.read()
    refuse_no_rows(table, data)
    problem = table_problem(table, target, task, file.notes)
    return problem, read_settings(settings, problem.parameters)


def load_model(folder: str | Path, trusted: bool = False) -> Model:
    """Read the model of a run's folder.

    Parameters
    ----------
    folder : str or path
    trusted : bool, default=False
        Whether you know who wrote it: it holds a pickle, which may run any program.

    Raises
    ------
    DataError
        If the folder is not trusted, or does not hold a model that this version can read.
    """
    task = read_description(folder, ("task",))["task"]
    if task not in _MODELS:
        requirement = f"a model for one of {', '.join(map(repr, _MODELS))}"
        raise DataError(explain("MODEL", requirement, task))
    return _MODELS[task].load(folder, trusted)

"""What paths lead to: a table or a folder of images to learn from, a model of either kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kohort.data.csv_files import CsvFormat
from kohort.data.folders import IMAGES
from kohort.data.tables import CLASSIFICATION, read_table
from kohort.errors import ParameterError, explain
from kohort.searches.problems.image_folder import ImageModel, image_problem
from kohort.searches.problems.model_description import read_description
from kohort.searches.problems.problem import Model, Problem
from kohort.searches.problems.tabular import TabularModel, table_problem
from kohort.searches.spaces import read_settings


def read_problem(
    data: Path,
    target: str | None,
    task: str,
    settings: Sequence[str],
    seed: int,
    form: CsvFormat | None = None,
) -> tuple[Problem, dict[str, Any]]:
    """Read what is to be learned, and the settings of the network for it.

    Parameters
    ----------
    data : path
        A table, or a folder with a sub-folder of images per class.
    target : str or None
        The table's column to predict; None for a folder.
    task : {"auto", "classification", "regression"}
    settings : sequence of str
        Of the form `NAME=VALUE`.
    seed : int
    form : CsvFormat or None, default=None
        How a table of text is written; None to find out.

    Raises
    ------
    ParameterError, DataError
        If the data or a setting cannot be used.
    """
    if not data.is_dir():
        if target is None:
            remedy = "Add --target NAME."
            raise ParameterError(explain("target", "the table's column to predict", None, remedy))
        table, notes = read_table(data, form)
        problem = table_problem(table, target, task, notes)
        return problem, read_settings(settings, problem.task)
    for name, value, allowed in (
        ("target", target, (None,)),
        ("task", task, ("auto", CLASSIFICATION)),
    ):
        if value not in allowed:
            requirement = "left out for a folder of images, whose sub-folders are the classes"
            raise ParameterError(explain(name, requirement, value))
    values = read_settings(settings, IMAGES)
    return image_problem(data, values, seed), values


def load_model(folder: str | Path) -> Model:
    """Read the model of a run's folder; it holds a pickle, so load only folders that you trust.

    Raises
    ------
    DataError
        If the folder does not hold a model that this version can read.
    """
    task = read_description(folder, ("task",))["task"]
    return ImageModel.load(folder) if task == IMAGES else TabularModel.load(folder)

"""Mistakes in the command line's arguments, found before anything large is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kohort.data.csv_files import CsvFormat, CsvTable
from kohort.data.table_files import ParquetFile, open_table
from kohort.data.tasks import CLASSIFICATION, TASKS
from kohort.errors import DataError, ParameterError, explain, suggest
from kohort.searches.problems.dense_settings import check_dense_setting
from kohort.searches.space_files import setting_values


def opened(
    data: Path, target: str | None, task: str, form: CsvFormat, settings: Sequence[str] = ()
) -> CsvTable | ParquetFile | None:
    """Open the table that is to be learned; None for a folder of images.

    Parameters
    ----------
    data : path
    target : str or None
        The table's column to predict; None for a folder.
    task : {"auto", "classification", "regression"}
    form : CsvFormat
        How a table of text is written.
    settings : sequence of str, default=()
        Of the form `NAME=VALUE`, for the network.

    Raises
    ------
    ParameterError, DataError
        If there is nothing of that name, it is no table, has no such column, or the options do not
        fit it.
    """
    values = setting_values(settings)
    if task not in TASKS:
        raise ParameterError(explain("task", f"one of {', '.join(map(repr, TASKS))}", task))
    if data.is_dir():
        for name, value, allowed in (
            ("target", target, (None,)),
            ("task", task, ("auto", CLASSIFICATION)),
        ):
            if value not in allowed:
                requirement = "left out for a folder of images, whose sub-folders are the classes"
                raise ParameterError(explain(name, requirement, value))
        return None
    file = open_table(data, form)
    if target is None:
        remedy = f"Add --target NAME. {suggest('', file.names)}"
        raise ParameterError(explain("target", "the table's column to predict", None, remedy))
    if target not in file.names:
        remedy = suggest(target, file.names)
        raise ParameterError(explain("target", "a column of the table", target, remedy))
    for name, value in values.items():
        check_dense_setting(task, name, value)
    return file


def refuse_missing(paths: Sequence[Path]) -> None:
    """Raise `DataError` unless there is a file or folder at each path."""
    for path in paths:
        if not path.exists():
            remedy = "There is nothing there; check the path."
            raise DataError(explain("DATA", "an existing file or folder", str(path), remedy))

"""Tables from files: read them, take the target out, and name their faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.data.csv_files import CsvFormat, refuse_repeated_names
from kohort.data.dates import written_dates
from kohort.data.numerals import numerals
from kohort.data.plain_columns import plain_columns
from kohort.data.table_files import open_table
from kohort.data.tasks import CLASSIFICATION, REGRESSION, TASKS
from kohort.data.truth_values import one_spelling
from kohort.deferred import pd
from kohort.errors import DataError, ParameterError, explain, suggest

# Whole numbers with at most this many different values are taken for class labels.
_MOST_CLASSES = 20
_DURATION = r"-?(\d+ days? ?)?\d+:\d{2}(:\d{2}(\.\d+)?)?"


def read_table(path: str | Path, form: CsvFormat | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    path : str or path
        Ends in `.csv`, `.tsv`, `.txt`, `.parquet` or `.pq`. Text has a header.
    form : CsvFormat or None, default=None
        How a text file is written; what it leaves open is found.

    Returns
    -------
    DataFrame, shape (row, column)
        With at least one row; column names are strings.
    list of str
        Sentences on what was assumed.

    Raises
    ------
    DataError
        If there is no such file, it does not parse, or it has no rows.
    """
    file = open_table(path, form)
    table = file.read()
    refuse_no_rows(table, path)
    return table, file.notes


def refuse_no_rows(table: pd.DataFrame, path: str | Path) -> None:
    """Raise `DataError` if a table has no rows or no columns."""
    if table.empty:
        raise DataError(
            f"`DATA` must have at least one row and one column; got {len(table)} rows and "
            f"{table.shape[1]} columns in {str(path)!r}. Give a table with data."
        )


def split_target(table: pd.DataFrame, target: str) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Take the target out of a table.

    Parameters
    ----------
    table : DataFrame, shape (row, column)
    target : str
        Name of a column without missing values.

    Returns
    -------
    X : DataFrame, shape (row, column - 1)
    y : Series, shape (row,)

    Raises
    ------
    ParameterError
        If the table has no column of that name.
    DataError
        If the target has missing or infinite values, no other column is left, or a column cannot
        be used as a feature.
    """
    refuse_repeated_names(list(map(str, table.columns)), "the table")
    if target not in table.columns:
        raise ParameterError(
            explain("target", "a column of the table", target, suggest(target, table.columns))
        )
    y = table[target]
    missing = np.flatnonzero(y.isna())
    if len(missing):
        rows = ", ".join(str(row + 1) for row in missing[:5])
        more = ", ..." if len(missing) > 5 else ""
        raise DataError(
            f"The target {target!r} must be known in every row; got {len(missing)} missing of "
            f"{len(y)} (rows {rows}{more}). Remove these rows, or fill them in."
        )
    _check_finite(y)
    X = table.drop(columns=target)
    if X.shape[1] == 0:
        raise DataError(
            f"`DATA` must have columns beside the target {target!r}; got none. Add features."
        )
    X = plain_columns(X)
    check_features(X)
    return X, y


def check_features(X: pd.DataFrame) -> None:
    """Refuse columns that no network can learn from as they are.

    Raises
    ------
    DataError
        If a column holds infinite values, lists, dicts or bytes, or numbers too large for float32.
    """
    for name in X.columns:
        _check_finite(X[name])
        _check_size(X[name])
        if X[name].dtype == object:
            values = X[name].dropna()
            if len(values) and isinstance(values.iloc[0], list | dict | tuple | bytes | np.ndarray):
                kind = type(values.iloc[0]).__name__
                raise DataError(
                    f"Column {name!r} must hold numbers, text, dates or truth values; got values "
                    f"of type {kind}. Remove the column, or spread it over several."
                )


def _numbers_of(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    """A column's numbers, NaN where there is none; None for text, dates and truth values."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return None
    return column.to_numpy(np.float64, na_value=np.nan)


def _check_finite(column: pd.Series[Any]) -> None:
    numbers = _numbers_of(column)
    if numbers is not None and len(infinite := np.flatnonzero(np.isinf(numbers))):
        raise DataError(
            f"Column {column.name!r} must hold finite numbers; got {len(infinite)} infinite, the "
            f"first in row {infinite[0] + 1}. Replace them, or leave them empty."
        )


def _check_size(column: pd.Series[Any]) -> None:
    """Refuse numbers of which skrub's transformers would make infinities."""
    numbers, most = _numbers_of(column), float(np.finfo(np.float32).max)
    if numbers is not None and len(large := np.flatnonzero(np.abs(numbers) > most)):
        raise DataError(
            f"Column {column.name!r} must hold numbers of at most {most:.2g} in size; got "
            f"{numbers[large[0]]:g} in row {large[0] + 1}. Rescale the column."
        )


def infer_task(y: pd.Series[Any]) -> str:
    """Whether a target asks for classification or regression.

    Text, categories and truth values are classes; so are whole numbers of at most 20 different
    values. Other numbers are regression.

    Examples
    --------
    >>> infer_task(pd.Series(["no", "yes"])), infer_task(pd.Series([0.5, 1.25, 2.0]))
    ('classification', 'regression')
    """
    if pd.api.types.is_bool_dtype(y) or not pd.api.types.is_numeric_dtype(y):
        return CLASSIFICATION
    values = np.unique(y.to_numpy(np.float64))
    whole = bool((values == np.round(values)).all())
    return CLASSIFICATION if whole and len(values) <= _MOST_CLASSES else REGRESSION


def resolve_task(task: str, y: pd.Series[Any]) -> str:
    """Check `task` against the target and resolve `"auto"`.

    Raises
    ------
    ParameterError
        If the task is unknown, or is regression and the target is not numeric.
    DataError
        If a classification's target has fewer than two classes.
    """
    if task not in TASKS:
        raise ParameterError(explain("task", f"one of {', '.join(map(repr, TASKS))}", task))
    resolved = infer_task(y) if task == "auto" else task
    _refuse_times(y)
    number = pd.api.types.is_numeric_dtype(y) and not pd.api.types.is_bool_dtype(y)
    if resolved == REGRESSION and not number:
        first = y.iloc[:1].tolist()[0]
        raise ParameterError(
            f"`task` must be 'classification' for the target {y.name!r}, whose values are not "
            f"numbers (the first is {first!r}); got {task!r}. Leave the option out, or choose a "
            "numeric target."
        )
    count = y.nunique()
    if count < 2:
        only = y.iloc[:1].tolist()[0]
        raise DataError(
            f"The target {y.name!r} must have at least two different values; got only "
            f"{only!r}. Choose another column."
        )
    if resolved == CLASSIFICATION and count > _most_classes(y):
        amounts = number or ((found := numerals(y)) is not None and not found.failing)
        remedy = "Use --task regression"
        if not amounts:
            remedy = "Choose another column, or group its values"
        raise DataError(
            f"The target {y.name!r} must have several rows for each class; got {count} different "
            f"values in {len(y)} rows (the first is {y.iloc[:1].tolist()[0]!r}). {remedy}."
        )
    return resolved


def target_numbers(y: pd.Series[Any], task: str) -> pd.Series[Any]:
    """A target of text that is numbers, as these, or truth values, in one spelling; any other as
    it is.

    Labels for a classification stay text: those that `task` asks for, and a few whole numbers.

    Raises
    ------
    DataError
        If most of the target is numbers, but some is not, or they are in several units.
    """
    found = None if task == CLASSIFICATION else numerals(y)
    if found is None:
        return one_spelling(y)
    if found.failing:
        (row, text), count = found.failing[0], len(found.failing)
        raise DataError(
            f"The target {y.name!r} must hold numbers in every row, or classes; got numbers "
            f"written as text (the first is {found.first!r}) and {count} of {len(y)} values "
            f"that are none (row {row + 1}: {text!r}). Correct or remove these rows"
            f"{_or_classes(y)}."
        )
    if len(found.units) > 1:
        raise DataError(
            f"The target {y.name!r} must be in one unit; got {found.named_units}. Convert it to "
            f"one{_or_classes(y)}."
        )
    if task == "auto" and infer_task(found.values) == CLASSIFICATION:
        return y
    return found.values.rename(str(y.name))


def target_notes(y: pd.Series[Any], read: pd.Series[Any]) -> list[str]:
    """Sentences on other readings of a target, as it stands and as `target_numbers` reads it."""
    if pd.api.types.is_numeric_dtype(read) and (found := numerals(y)) is not None:
        return found.points(f"The target {y.name!r}")
    return []


def _or_classes(y: pd.Series[Any]) -> str:
    """Advice to take a target for classes, where they would be accepted."""
    return ", or use --task classification" if y.nunique() <= _most_classes(y) else ""


def _most_classes(y: pd.Series[Any]) -> float:
    return max(_MOST_CLASSES, len(y) / 2)


def _refuse_times(y: pd.Series[Any]) -> None:
    """Refuse dates and durations: they are neither classes nor numbers as they stand."""
    noun = ""
    if pd.api.types.is_datetime64_any_dtype(y):
        noun = "dates"
    elif pd.api.types.is_timedelta64_dtype(y):
        noun = "durations"
    elif not pd.api.types.is_numeric_dtype(y) and not isinstance(y.dtype, pd.CategoricalDtype):
        texts = pd.Series(y.dropna().astype(str).unique())
        if texts.str.fullmatch(_DURATION).all():
            noun = "durations"
        elif written_dates(texts) is not None:
            noun = "dates"
    if noun:
        remedy = "days since a first one" if noun == "dates" else "seconds"
        raise DataError(
            f"The target {y.name!r} must hold classes or numbers; got {noun} (the first is "
            f"{str(y.iloc[0])!r}). Make a number of it ({remedy}), or choose another column."
        )


def target_array(y: pd.Series[Any], task: str) -> NDArray[Any]:
    """The target as an array that estimators take: float64, whole numbers, truth values or text.

    Parameters
    ----------
    y : Series, shape (row,)
    task : {"classification", "regression"}

    Returns
    -------
    array, shape (row,)
    """
    if task == REGRESSION:
        return y.to_numpy(np.float64)
    if isinstance(y.dtype, pd.CategoricalDtype):
        y = y.astype(y.cat.categories.dtype)
    if pd.api.types.is_bool_dtype(y):
        return y.to_numpy(bool)
    if pd.api.types.is_integer_dtype(y):
        return y.to_numpy(np.int64)
    if pd.api.types.is_numeric_dtype(y):
        values = y.to_numpy(np.float64)
        whole = values.astype(np.int64)
        return whole if (whole == values).all() else np.asarray([f"{v:g}" for v in values])
    return np.asarray([str(value) for value in y])

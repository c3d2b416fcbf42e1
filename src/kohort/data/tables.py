"""Tables from files: read them, take the target out, and say what is wrong with them."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kohort.errors import DataError, ParameterError, explain

REGRESSION = "regression"
CLASSIFICATION = "classification"
TASKS = ("auto", CLASSIFICATION, REGRESSION)

# Whole numbers with at most this many different values are taken for class labels.
_MOST_CLASSES = 20
_FORMATS = {".csv": "CSV", ".parquet": "Parquet", ".pq": "Parquet"}


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    path : str or path
        Ends in `.csv`, `.parquet` or `.pq`. A CSV is UTF-8, separated by commas, and has a header.

    Returns
    -------
    DataFrame, shape (row, column)
        With at least one row; column names are strings.

    Raises
    ------
    DataError
        If there is no such file, it does not parse, or it has no rows.
    """
    path = Path(path)
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise DataError(
            explain("DATA", "a file that ends in .csv, .parquet or .pq", str(path), "Convert it.")
        )
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing there"
        raise DataError(
            explain("DATA", "an existing file", str(path), f"There is {found}; check the path.")
        )
    table = _read_csv(path) if kind == "CSV" else _read_parquet(path)
    table.columns = table.columns.map(str)
    _check_columns(table, path)
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            # Without this, rows longer than the header lose their last fields unnoticed.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(path, index_col=False, low_memory=False)
    except pd.errors.EmptyDataError as error:
        raise DataError(
            explain("DATA", "a table with a header and rows", str(path), "The file is empty.")
        ) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        remedy = f"It does not parse: {reason}. Every row needs as many fields as the header."
        if isinstance(error, UnicodeDecodeError):
            remedy = "It is not text in UTF-8; save it as UTF-8."
        raise DataError(explain("DATA", "a CSV file", str(path), remedy)) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow

    try:
        return pd.read_parquet(path)
    except pyarrow.ArrowException as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DataError(
            explain("DATA", "a Parquet file", str(path), f"It does not parse: {reason}.")
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    reason = error.strerror or str(error)
    return DataError(explain("DATA", "a readable file", str(path), f"{reason}."))


def _check_columns(table: pd.DataFrame, path: Path) -> None:
    if table.empty:
        raise DataError(
            f"`DATA` must have at least one row and one column; got {len(table)} rows and "
            f"{table.shape[1]} columns in {str(path)!r}. Give a table with data."
        )
    repeated = sorted(set(table.columns[table.columns.duplicated()]))
    if repeated:
        raise DataError(
            explain("DATA", "a table whose column names differ", repeated, "Rename the columns.")
        )
    separators = [mark for mark in (";", "\t", "|") if mark in table.columns[0]]
    if table.shape[1] == 1 and separators:
        raise DataError(
            explain(
                "DATA",
                "a CSV file separated by commas",
                table.columns[0],
                f"The header holds {separators[0]!r} instead; save the table with commas.",
            )
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
    check_features(X)
    return X, y


def check_features(X: pd.DataFrame) -> None:
    """Refuse columns that no network can learn from as they are.

    Raises
    ------
    DataError
        If a column holds infinite values, or lists, dicts or bytes.
    """
    for name in X.columns:
        _check_finite(X[name])
        if X[name].dtype == object:
            values = X[name].dropna()
            if len(values) and isinstance(values.iloc[0], list | dict | tuple | bytes | np.ndarray):
                kind = type(values.iloc[0]).__name__
                raise DataError(
                    f"Column {name!r} must hold numbers, text, dates or truth values; got values "
                    f"of type {kind}. Remove the column, or spread it over several."
                )


def _check_finite(column: pd.Series[Any]) -> None:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return
    infinite = np.flatnonzero(np.isinf(column.to_numpy(np.float64, na_value=np.nan)))
    if len(infinite):
        raise DataError(
            f"Column {column.name!r} must hold finite numbers; got {len(infinite)} infinite, the "
            f"first in row {infinite[0] + 1}. Replace them, or leave them empty."
        )


def suggest(name: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name: the nearest known ones, or all if none is near.

    Examples
    --------
    >>> suggest("prise", ["price", "area"])
    "Did you mean 'price'?"
    """
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(match) for match in near)}?"
    shown = ", ".join(repr(match) for match in known[:20])
    return f"Known: {shown}{', ...' if len(known) > 20 else ''}."


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
    if resolved == REGRESSION and (
        not pd.api.types.is_numeric_dtype(y) or pd.api.types.is_bool_dtype(y)
    ):
        first = y.iloc[:1].tolist()[0]
        raise ParameterError(
            f"`task` must be 'classification' for the target {y.name!r}, whose values are not "
            f"numbers (the first is {first!r}); got {task!r}. Leave the option out, or choose a "
            "numeric target."
        )
    if y.nunique() < 2:
        only = y.iloc[:1].tolist()[0]
        raise DataError(
            f"The target {y.name!r} must have at least two different values; got only "
            f"{only!r}. Choose another column."
        )
    return resolved


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

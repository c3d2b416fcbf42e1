"""A network for raw tables: preprocessing and network as one model, in memory and as a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from kohort.data.csv_files import CsvFormat
from kohort.data.tables import (
    check_features,
    feature_numbers,
    read_table,
    resolve_task,
    split_target,
    target_array,
    target_notes,
    target_numbers,
)
from kohort.data.tasks import CLASSIFICATION
from kohort.deferred import pd
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.dense.dense import DenseClassifier, DenseRegressor
from kohort.estimators.dense.loading import load
from kohort.searches.problems.model_description import (
    load_pickle,
    read_description,
    write_description,
)
from kohort.searches.problems.preprocessing import TablePreprocessor, transformed
from kohort.searches.problems.problem import Problem
from kohort.searches.problems.table_columns import (
    as_trained,
    column_line,
    copies_of,
    kind_of,
    task_line,
)
from kohort.searches.problems.table_settings import TableParameters

NETWORK = "network"
"""Name of the network's step."""

PREFIX = f"{NETWORK}__"
"""Of the network's parameters in a search."""

_PREPROCESSING, _ESTIMATOR = "preprocessing.joblib", "estimator.kohort"
_KERAS = "model.keras"


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
    table = TablePreprocessor(random_state=random_state, memory=memory)
    return Pipeline([("table", table), (NETWORK, network)])


def table_problem(
    table: pd.DataFrame, target: str, task: str = "auto", notes: Sequence[str] = ()
) -> Problem:
    """A column of a raw table, to be predicted from the others.

    Parameters
    ----------
    table : DataFrame, shape (row, column)
        Text, dates and missing values are allowed in every column but the target.
    target : str
    task : {"auto", "classification", "regression"}, default="auto"
    notes : sequence of str, default=()
        What was assumed when the table was read.

    Raises
    ------
    ParameterError, DataError
        If there is no such column, or a column cannot be used.
    """
    X, raw = split_target(table, target)
    y = target_numbers(raw, task)
    resolved = resolve_task(task, y)
    features = feature_numbers(X)
    X = features.X
    said = [*target_notes(raw, y), *features.notes, *copies_of(y, X)]
    lines = [task_line(y, task, resolved), column_line(X), *said]
    return Problem(
        X,
        target_array(y, resolved),
        resolved,
        lambda settings, seed, memory: tabular_pipeline(
            resolved, random_state=seed, memory=memory, settings=settings
        ),
        lambda fitted: TabularModel.of(fitted, X, target, resolved, features.kinds),
        TableParameters(resolved),
        PREFIX,
        about={"columns": table.shape[1]},
        lines=(*notes, *lines),
    )


@dataclass(frozen=True)
class TabularModel:
    """A fitted network together with what turns a raw table into its features.

    Attributes
    ----------
    preprocessing : Pipeline
        Fitted transformers, raw table to numbers.
    estimator : DenseRegressor or DenseClassifier
    columns : dict from str to str
        Columns that the model needs, and what each held: `"number"`, `"number in "` and a unit,
        `"truth value"`, `"date"`, `"empty"`, or `"text"` for anything else.
    target, task : str
    """

    preprocessing: Pipeline
    estimator: DenseRegressor | DenseClassifier
    columns: dict[str, str]
    target: str
    task: str

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        X: pd.DataFrame,
        target: str,
        task: str,
        kinds: Mapping[str, str] = MappingProxyType({}),
    ) -> TabularModel:
        """The model of a pipeline that was fitted on rows of X; `kinds` as `Features` has them."""
        columns = {str(name): kinds.get(name) or kind_of(X[name]) for name in X.columns}
        preprocessing = pipeline.named_steps["table"].pipeline_
        return cls(preprocessing, pipeline.named_steps[NETWORK], columns, target, task)

    def features(self, table: pd.DataFrame) -> NDArray[Any]:
        """The network's features of a raw table, shape (row, feature).

        Raises
        ------
        DataError
            If a column is missing, or holds text where the model knows numbers or truth values.
        """
        missing = [name for name in self.columns if name not in table.columns]
        if missing:
            raise DataError(
                f"`DATA` must have the {len(self.columns)} columns that the model was trained on; "
                f"missing: {', '.join(map(repr, missing))}. Add them (empty fields are allowed)."
            )
        X = as_trained(table[list(self.columns)], self.columns)
        check_features(X)
        return transformed(self.preprocessing, X)

    def predict(self, table: pd.DataFrame) -> NDArray[Any]:
        """Predicted target of each row, shape (row,)."""
        return self.estimator.predict(self.features(table))

    def predict_proba(self, table: pd.DataFrame) -> pd.DataFrame:
        """Probability of each class, shape (row, class), columns named after the classes.

        Raises
        ------
        ParameterError
            If the model is a regression.
        """
        if not isinstance(self.estimator, DenseClassifier):
            raise ParameterError(
                explain("proba", "left out for a regression", True, "Leave out --proba.")
            )
        names = [str(label) for label in self.estimator.classes_]
        return pd.DataFrame(
            self.estimator.predict_proba(self.features(table)), columns=names, index=table.index
        )

    def predictions(
        self, paths: Sequence[Path], proba: bool = False, form: CsvFormat | None = None
    ) -> pd.DataFrame:
        """Predictions for the rows of a table in a file: the target, or each class's probability.

        Raises
        ------
        DataError
            If it is not one file with a table that fits the model.
        """
        if len(paths) != 1:
            requirement = "one table for a model of tables"
            raise DataError(explain("DATA", requirement, [str(path) for path in paths]))
        table, _ = read_table(paths[0], form)
        if proba:
            return self.predict_proba(table)
        return table[[]].assign(**{self.target: self.predict(table)})

    def score(self, table: pd.DataFrame, y: NDArray[Any]) -> float:
        """Accuracy of a classification, R² of a regression."""
        return float(self.estimator.score(self.features(table), y))

    def save(self, folder: str | Path) -> None:
        """Write the model into an existing folder.

        `model.keras` holds the network for Keras (its input is the output of
        `preprocessing.joblib`), `estimator.kohort` the same for kohort, and `model.json` the
        columns, the target and the classes.
        """
        folder = Path(folder)
        classes = getattr(self.estimator, "classes_", None)
        self.estimator.to_keras().save(folder / _KERAS)
        self.estimator.save(folder / _ESTIMATOR)
        joblib.dump(self.preprocessing, folder / _PREPROCESSING)
        content = {
            "task": self.task,
            "target": self.target,
            "columns": self.columns,
            "classes": None if classes is None else np.asarray(classes).tolist(),
        }
        write_description(folder, content)

    @classmethod
    def load(cls, folder: str | Path, trusted: bool = False) -> TabularModel:
        """Read a model that `save` wrote.

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
        keys = ("columns", "target", "task")
        content = read_description(folder, keys, (_PREPROCESSING, _ESTIMATOR))
        preprocessing = load_pickle(folder, _PREPROCESSING, trusted)
        return cls(preprocessing, load(Path(folder, _ESTIMATOR)), *content.values())

"""A network for raw tables: preprocessing and network as one model, in memory and as a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kohort.arrays import Estimator, HostArray
from kohort.data.csv_files import CsvFormat
from kohort.data.features import read_features
from kohort.data.tables import (
    read_table,
    resolve_task,
    split_target,
    target_array,
    target_notes,
    target_numbers,
)
from kohort.data.tasks import REGRESSION
from kohort.deferred import pd
from kohort.errors import DataError, ParameterError, explain
from kohort.searches.problems.problem import Problem
from kohort.searches.problems.table_columns import (
    column_line,
    copies_of,
    kind_of,
    row_numbers,
    task_line,
)
from kohort.searches.problems.table_settings import TableParameters
from kohort.searches.tables.folder import write_tabular
from kohort.searches.tables.pipeline import PREFIX, tabular_pipeline
from kohort.searches.tables.tabular import (
    TabularClassifier,
    TabularRegressor,
    load_tabular,
    tabular_of,
)


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
        Assumptions made when the table was read, a sentence each.

    Raises
    ------
    ParameterError, DataError
        If there is no such column, or a column cannot be used.
    """
    X, raw = split_target(table, target)
    y = target_numbers(raw, task)
    resolved = resolve_task(task, y)
    features = read_features(X)
    X = features.X
    said = [*target_notes(raw, y), *features.notes, *copies_of(y, X), *row_numbers(X)]
    lines = [task_line(y, task, resolved), column_line(X), *said]
    return Problem(
        X,
        target_array(y, resolved),
        resolved,
        lambda settings, seed, memory: tabular_pipeline(
            resolved, random_state=seed, memory=memory, settings=settings
        ),
        lambda fitted: TabularModel.of(fitted, X, target, resolved, features.kinds),
        TableParameters(resolved, X.size),
        PREFIX,
        about={"columns": table.shape[1]},
        lines=(*notes, *lines),
    )


@dataclass(frozen=True)
class TabularModel:
    """A `TabularRegressor` or `TabularClassifier` as the command line keeps it.

    Attributes
    ----------
    table : TabularRegressor or TabularClassifier
        Fitted.
    target : str
    """

    table: TabularRegressor | TabularClassifier
    target: str

    @classmethod
    def of(
        cls,
        fitted: Estimator,
        X: pd.DataFrame,
        target: str,
        task: str,
        kinds: Mapping[str, str] = MappingProxyType({}),
    ) -> TabularModel:
        """Make a model from a pipeline, or an ensemble of pipelines, that was fitted on rows of X;
        `kinds` as `Features` has them.
        """
        columns = {str(name): kinds.get(name) or kind_of(X[name]) for name in X.columns}
        return cls(tabular_of(task).of(fitted, columns), target)

    @property
    def estimator(self) -> Estimator:
        """The network, or the ensemble."""
        return self.table.network_

    @property
    def task(self) -> str:
        return self.table.task

    def _rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The columns that the model needs.

        Raises
        ------
        DataError
            If a column is missing.
        """
        columns = list(self.table.columns_)
        missing = [name for name in columns if name not in table.columns]
        if missing:
            raise DataError(
                f"`DATA` must have the {len(columns)} columns that the model was trained on; "
                f"missing: {', '.join(map(repr, missing))}. Add them (empty fields are allowed)."
            )
        return table[columns]

    def predict(self, table: pd.DataFrame) -> HostArray:
        """Predicted target of each row, shape (row,)."""
        return self.table.predict(self._rows(table))

    def predict_proba(self, table: pd.DataFrame) -> pd.DataFrame:
        """Probability of each class, shape (row, class), columns named after the classes.

        Raises
        ------
        ParameterError
            If the model is a regression.
        """
        if self.task == REGRESSION:
            raise ParameterError(
                explain("proba", "left out for a regression", True, "Leave out --proba.")
            )
        found = self.table.predict_proba(self._rows(table))
        return pd.DataFrame(found, columns=list(map(str, self.table.classes_)), index=table.index)

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

    def save(self, folder: str | Path) -> None:
        """Write the model into an existing folder; see `write_tabular`."""
        write_tabular(self.table, folder, self.target)

    @classmethod
    def load(cls, folder: str | Path, trusted: bool = False) -> TabularModel:
        """Read a model that `save` wrote; see `read_tabular`."""
        return cls(*load_tabular(folder, trusted))

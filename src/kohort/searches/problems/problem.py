"""A problem: rows of a table or images, their labels, and the network for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from kohort.data.csv_files import CsvFormat
from kohort.data.tasks import REGRESSION
from kohort.deferred import pd
from kohort.errors import DataError, ParameterError, explain
from kohort.searches.spaces import NetworkParameters


class Model(Protocol):
    """A fitted network with the transformers of its raw data; can be kept in a folder."""

    @property
    def estimator(self) -> Any:
        """The network."""
        ...

    @property
    def target(self) -> str:
        """Name of the predicted column, or of the classes of images."""
        ...

    @property
    def task(self) -> str:
        """`"classification"`, `"regression"` or `"image classification"`."""
        ...

    def predictions(
        self, paths: Sequence[Path], proba: bool = False, form: CsvFormat | None = None
    ) -> pd.DataFrame:
        """Predictions for the data in files, one row each; `form` is that of a table of text."""
        ...

    def save(self, folder: str | Path) -> None:
        """Write it into an existing folder."""
        ...


@dataclass(frozen=True)
class Problem:
    """Data to learn from, and how a network for them is made.

    Attributes
    ----------
    X : DataFrame, or array of paths of images
        One entry per row.
    labels : array, shape (row,)
    task : {"classification", "regression", "image classification"}
    made : callable
        From settings of the network, a seed and a `joblib.Memory` or None to an estimator.
    kept : callable
        From that estimator, fitted, to a `Model`.
    parameters : NetworkParameters
        Parameters of the network that may be set and searched.
    prefix : str
        Of the network's parameters in the estimator, such as `"network__"`.
    noun : str
        Word for rows in messages, in the plural.
    fixed : dict
        Parameters of the network that follow from the data.
    about : dict
        Facts about the data that the report shows.
    lines : tuple of str
        Sentences for the user: how the data were read, and what was assumed.
    averages : bool
        Whether an ensemble of these estimators can be kept.
    trials, folds : int
        Candidates of a random search, and folds, unless told otherwise.
    """

    X: Any
    labels: NDArray[Any]
    task: str
    made: Callable[[Mapping[str, Any], int, joblib.Memory | None], Any]
    kept: Callable[[Any], Model]
    parameters: NetworkParameters
    prefix: str = ""
    noun: str = "rows"
    fixed: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    averages: bool = True
    trials: int = 50
    folds: int = 5

    @property
    def classifies(self) -> bool:
        """Whether the labels are classes."""
        return self.task != REGRESSION

    def network(
        self, settings: Mapping[str, Any], seed: int, memory: joblib.Memory | None = None
    ) -> Any:
        """An estimator for X, not fitted."""
        return self.made({**self.fixed, **settings}, seed, memory)

    def rows(self, numbers: NDArray[np.intp]) -> Any:
        """Some rows of X."""
        if isinstance(self.X, pd.DataFrame):
            return self.X.iloc[numbers]
        return self.X[numbers]

    def check_folds(self, cv: int, test_fraction: float) -> None:
        """Refuse data that have too few rows for the number of folds.

        Raises
        ------
        DataError, ParameterError
        """
        count, noun = len(self.labels), self.noun
        least = 2 * cv if test_fraction == 0 else 2 * cv + 2
        if count < least:
            raise DataError(
                f"`DATA` must have at least {least} {noun} for cv={cv} and "
                f"test_fraction={test_fraction:g}; got {count}. Use fewer folds or add {noun}."
            )
        if not self.classifies:
            return
        classes, counts = np.unique(self.labels, return_counts=True)
        if counts.min() < 3:
            rare = classes[np.argmin(counts)].item()
            remedy = "Remove or merge rare classes"
            if noun == "rows":
                remedy += ", or use --task regression for numbers"
            raise DataError(
                f"Each class of the target must have at least 3 {noun}; got {counts.min()} of "
                f"class {rare!r}. {remedy}."
            )
        if counts.max() * (1 - test_fraction) < cv + 1:
            raise ParameterError(
                explain(
                    "cv",
                    f"smaller than the {noun} of the largest class ({counts.max()}, of which "
                    f"{test_fraction:.0%} are held out)",
                    cv,
                    "Use fewer folds.",
                )
            )

    def split(self, test_fraction: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row numbers to search on and to test on, sorted.

        Raises
        ------
        ParameterError
            If classes would be missing on one side.
        """
        every = np.arange(len(self.labels))
        if test_fraction == 0:
            return every, every[:0]
        stratify = self.labels if self.classifies else None
        try:
            searched, tested = train_test_split(
                every, test_size=test_fraction, stratify=stratify, random_state=seed
            )
        except ValueError as error:
            raise ParameterError(
                explain(
                    "test_fraction",
                    f"a share of {len(self.labels)} {self.noun} that leaves {self.noun} of each "
                    "class on both sides",
                    test_fraction,
                    f"Use 0 for no test {self.noun}, or a share nearer to 0.5.",
                )
            ) from error
        return np.sort(searched), np.sort(tested)

"""The base of both estimators of raw tables: columns, search, prediction, saving."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
from sklearn.base import (
    BaseEstimator,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from kohort.arrays import (
    Estimator,
    HostArray,
    PathLike,
    RandomStateLike,
    Splitter,
    TableLike,
    TargetsLike,
    WeightsLike,
)
from kohort.data.features import read_features
from kohort.data.tables import check_features
from kohort.data.tasks import CLASSIFICATION
from kohort.deferred import pd
from kohort.errors import ParameterError, explain
from kohort.estimators.dense.dense import DenseClassifier, DenseRegressor
from kohort.estimators.parameter_names import CheckedNames
from kohort.recipe.constraints import Interval, OneOf, check, optional
from kohort.scratch import scratch_folder
from kohort.searches.adaptive.search import AdaptiveSearchCV
from kohort.searches.ensembles.keeping import ENSEMBLE
from kohort.searches.problems.preprocessing import TablePreprocessor
from kohort.searches.problems.table_columns import as_trained, kind_of
from kohort.searches.problems.table_settings import TableParameters
from kohort.searches.quiet import quiet
from kohort.searches.search import RandomizedSearchCV
from kohort.searches.tables.folder import write_tabular
from kohort.searches.tables.frames import as_frame
from kohort.searches.tables.pipeline import PREFIX, TABLE, pipeline_of

SEARCHES = ("random", "adaptive")
"""How a tabular estimator may search."""


class TabularEstimator(CheckedNames, BaseEstimator):  # type: ignore[misc]
    """Behaviour of `TabularRegressor` and `TabularClassifier`."""

    task: str
    columns_: dict[str, str]
    model_: Any

    def __init__(
        self, network: Estimator = None, *, search: str | None = None, n_candidates: int = 30,
        cv: Splitter = 5, random_state: RandomStateLike = None,
    ) -> None:  # fmt: skip
        self.network = network
        self.search = search
        self.n_candidates = n_candidates
        self.cv = cv
        self.random_state = random_state

    def fit(
        self, X: TableLike, y: TargetsLike, sample_weight: WeightsLike = None,
        groups: TargetsLike = None,
    ) -> Self:  # fmt: skip
        """Learn from a raw table.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like, shape (row, column)
            Numbers, text, categories, dates and truth values; any of them may be missing.
        y : array-like, shape (row,)
            The target, without missing values.
        sample_weight : array-like, shape (row,), default=None
            Non-negative.
        groups : array-like, shape (row,), default=None
            Group of each row, for a `cv` that keeps groups whole.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ParameterError
            If a parameter is out of range or unknown.
        DataError, ValueError
            If the data cannot be used.
        KohortError
            If skrub is not installed.
        """
        self._check_parameters()
        frame = as_frame(self, X, reset=True)
        if y is not None:
            check_consistent_length(frame, y)
            self._check_target(y)
        check_features(frame)
        features = read_features(frame)
        kinds = features.kinds
        self.columns_ = {n: kinds.get(n) or kind_of(features.X[n]) for n in features.X.columns}
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        weights = {} if sample_weight is None else {f"{PREFIX}sample_weight": sample_weight}
        if self.search is None:
            self.model_ = pipeline_of(self._network(seed), seed).fit(features.X, y, **weights)
        else:
            self.model_ = self._searched(features.X, y, seed, groups, weights)
        return self._learn(y)

    def _check_target(self, y: TargetsLike) -> None:
        """Refuse targets that no network for the task takes, before anything is fitted."""

    def _check_parameters(self) -> None:
        check("search", self.search, optional(OneOf(SEARCHES)))
        check("n_candidates", self.n_candidates, Interval(1, math.inf, whole=True))
        fits = is_classifier if self.task == CLASSIFICATION else is_regressor
        known = hasattr(self.network, "__sklearn_tags__") and not isinstance(self.network, type)
        if self.network is not None and not (known and fits(self.network)):
            kind = "DenseClassifier" if self.task == CLASSIFICATION else "DenseRegressor"
            raise ParameterError(explain("network", f"a kohort.{kind} or None", self.network))

    def _network(self, seed: int) -> Estimator:
        """The network to train; one without a seed of its own gets this one."""
        kind = DenseClassifier if self.task == CLASSIFICATION else DenseRegressor
        network = kind() if self.network is None else clone(self.network)
        return network.set_params(random_state=seed) if network.random_state is None else network

    def _searched(
        self, X: pd.DataFrame, y: TargetsLike, seed: int, groups: TargetsLike,
        weights: Mapping[str, WeightsLike],
    ) -> Estimator:  # fmt: skip
        """The ensemble of a search, each fold of which is preprocessed once."""
        space = TableParameters(self.task, X.size).space("random")
        cv = self.cv
        if isinstance(cv, int):
            folds = StratifiedKFold if self.task == CLASSIFICATION else KFold
            cv = folds(cv, shuffle=True, random_state=seed)
        with scratch_folder(Path(tempfile.gettempdir(), "kohort-folds")) as folder, quiet():
            memory = joblib.Memory(folder, verbose=0)
            pipeline = pipeline_of(self._network(seed), seed, memory)
            choices = {f"{PREFIX}{name}": values for name, values in space.items()}
            options: dict[str, Any] = {"cv": cv, "random_state": seed, "refit": ENSEMBLE}
            if self.search == "adaptive":
                options["n_candidates"] = self.n_candidates
                search = AdaptiveSearchCV(pipeline, choices, **options)
            else:
                options["n_iter"] = self.n_candidates
                search = RandomizedSearchCV(pipeline, choices, **options)
            search.fit(X, y, groups=groups, **weights)
        self.search_ = search
        return search.best_estimator_

    def _learn(self, y: TargetsLike) -> Self:
        """Learn the attributes that follow from the model; y is None where it is not known."""
        for each in _transformers(self.model_):
            each.set_params(memory=None)  # The folder of a search's folds is gone.
        return self

    @classmethod
    def of(cls, model: Estimator, columns: Mapping[str, str]) -> Self:
        """Make an estimator from a fitted pipeline, or from an ensemble of fitted pipelines.

        Parameters
        ----------
        model : estimator
            The pipeline or the ensemble.
        columns : mapping from str to str
            Kind of each column that the pipeline was fitted on, by its name.

        Returns
        -------
        TabularRegressor or TabularClassifier
            The fitted estimator.
        """
        self = cls()
        self.model_, self.columns_ = model, dict(columns)
        self.n_features_in_ = len(columns)
        self.feature_names_in_ = np.array(list(columns), object)
        return self._learn(None)

    def _rows(self, X: TableLike) -> pd.DataFrame:
        """A table as the model's transformers take it."""
        check_is_fitted(self, "model_")
        frame = as_trained(as_frame(self, X, reset=False), self.columns_)
        check_features(frame)
        return frame

    def predict(self, X: TableLike) -> HostArray:
        """Predict the target.

        Parameters
        ----------
        X : DataFrame or array-like, shape (row, column)
            With the columns that `fit` saw.

        Returns
        -------
        array, shape (row,)
            A number, or a label, for each row.

        Raises
        ------
        DataError
            If a column holds text where numbers were learned, or numbers in another unit.
        ValueError
            If the columns are others.
        """
        rows = self._rows(X)
        return np.asarray(self.model_.predict(rows))

    @property
    def network_(self) -> Estimator:
        """The dense network behind the transformers, or the ensemble as a whole."""
        check_is_fitted(self, "model_")
        return self.model_[-1] if isinstance(self.model_, Pipeline) else self.model_

    def to_keras(self) -> Any:
        """Export the network as a compiled `keras.Model`, without scikit-learn's transformers.

        Returns
        -------
        keras.Model
            Its input is the output of the transformers: of `model_[:-1].transform`, or with
            `search` of the `transform` of each of `model_.fronts_`, an input for each.
        """
        network = self.network_
        if hasattr(network, "fronts_"):
            return network.to_keras(transformed=True)
        return network.to_keras()

    def save(self, folder: PathLike) -> None:
        """Write the fitted estimator into a folder, as `kohort search --out` does.

        `kohort.load(folder, trusted=True)` reads it, and so does `kohort predict --trusted`: the
        transformers that prepare raw tables are a pickle.

        Parameters
        ----------
        folder : str or path
            The folder; it is made if it does not exist, and files of equal names are replaced.

        Raises
        ------
        DataError
            If the folder cannot be written.
        """
        check_is_fitted(self, "model_")
        write_tabular(self, folder)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags


def _transformers(model: Estimator) -> list[TablePreprocessor]:
    """The fitted transformers of a pipeline, or those of each front of an ensemble."""
    fronts = [model] if isinstance(model, Pipeline) else model.fronts_
    steps = [{} if front is None else front.named_steps for front in fronts]
    return [step[TABLE] for step in steps if TABLE in step]

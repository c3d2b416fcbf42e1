"""Raw tables to numbers: skrub's vectorizer and scikit-learn's imputer, computed once per table."""

from __future__ import annotations

import warnings
from typing import Any, Self
from uuid import uuid4

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from kohort.arrays import TargetsLike
from kohort.deferred import pd
from kohort.errors import KohortError

Matrix = NDArray[np.floating[Any]]


class TablePreprocessor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """skrub's `TableVectorizer`, then the median for missing numbers.

    A search asks for the same fold again for each candidate. With a `memory`, a table is
    fitted, and a table transformed, once; `Pipeline(memory=...)` would spare the fits alone, and
    transforming the rows to score takes longer than training on most tables.

    Parameters
    ----------
    random_state : int or None, default=None
        Fixes the encoding of text with many different values.
    memory : joblib.Memory or None, default=None
        Where results are kept; not part of the fitted model.

    Attributes
    ----------
    pipeline_ : Pipeline
        The fitted transformers.
    """

    pipeline_: Pipeline
    _key: str

    @property
    def content_(self) -> str:
        """Name of the fitted state; equal for equal fits that share a memory."""
        return self._key

    def __init__(
        self, random_state: int | None = None, memory: joblib.Memory | None = None
    ) -> None:
        self.random_state = random_state
        self.memory = memory

    @classmethod
    def of(cls, pipeline: Pipeline) -> Self:
        """The preprocessor whose fitted transformers these are."""
        self = cls()
        self.pipeline_, self._key = pipeline, uuid4().hex
        return self

    def fit(self, X: pd.DataFrame, y: TargetsLike = None) -> Self:
        """Learn from a raw table; `y` is ignored."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: pd.DataFrame, y: TargetsLike = None) -> Matrix:
        """Learn from a raw table and return it as numbers, shape (row, feature)."""
        compute = _fitted if self.memory is None else self.memory.cache(_fitted)
        self.pipeline_, values, self._key = compute(self.random_state, X)
        return values

    def transform(self, X: pd.DataFrame) -> Matrix:
        """A raw table with the columns that `fit` saw, as numbers, shape (row, feature)."""
        check_is_fitted(self, "pipeline_")
        if self.memory is None:
            return transformed(self.pipeline_, X)
        return self.memory.cache(_transformed, ignore=["pipeline"])(self._key, self.pipeline_, X)


def _fitted(random_state: int | None, X: pd.DataFrame) -> tuple[Pipeline, Matrix, str]:
    """Fitted transformers, the transformed table, and a key that names this fit."""
    try:
        from skrub import StringEncoder, TableVectorizer
    except ModuleNotFoundError as error:
        if error.name != "skrub":
            raise
        raise KohortError(
            'Raw tables need skrub, which is not installed. Run: pip install "kohort[tables]"'
        ) from error
    pipeline = make_pipeline(
        TableVectorizer(high_cardinality=StringEncoder(random_state=random_state)),
        SimpleImputer(strategy="median", keep_empty_features=True),
    )
    values = np.asarray(pipeline.fit_transform(X), np.float32)
    return pipeline, values, uuid4().hex


def _transformed(key: str, pipeline: Pipeline, X: pd.DataFrame) -> Matrix:
    """The function that a cache calls; `key` stands for the pipeline, which is not hashed."""
    return transformed(pipeline, X)


def transformed(pipeline: Pipeline, X: pd.DataFrame) -> Matrix:
    """A raw table as numbers, shape (row, feature), by fitted transformers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found unknown categories")
        return np.asarray(pipeline.transform(X), np.float32)

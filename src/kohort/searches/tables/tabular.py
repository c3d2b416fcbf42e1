"""`TabularRegressor` and `TabularClassifier`: one line from a raw table to a good model."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from kohort.arrays import Floats, PathLike, TableLike, TargetsLike
from kohort.data.numerals import numerals
from kohort.data.tasks import CLASSIFICATION, REGRESSION
from kohort.deferred import pd
from kohort.errors import DataError, ParameterError, explain
from kohort.recipe.constraints import Interval, check
from kohort.searches.tables.base import TabularEstimator
from kohort.searches.tables.folder import read_tabular


class TabularRegressor(RegressorMixin, TabularEstimator):  # type: ignore[misc]
    """Regression from a raw table: text, dates, missing values and categories in, numbers out.

    skrub's `TableVectorizer` makes numbers of the columns; numbers and truth values that are
    written as text are read first. The median replaces missing numbers. A dense network learns
    from the result. `kohort search` and `kohort fit` save this estimator. It needs skrub:
    `pip install "kohort[tables]"`.

    Parameters
    ----------
    network : DenseRegressor or None, default=None
        The network that learns; a search around the estimator names its parameters
        `network__depth` and so on. None for `DenseRegressor()`.
    search : {"random", "adaptive"} or None, default=None
        How to search the network's depth, width, activation, optimizer, rate, dropout and decay:
        random candidates, or `kohort.AdaptiveSearchCV` (which needs Optuna). Either ends in an
        ensemble of the networks of its folds (`kohort.ensemble_of`). None trains one network.
    n_candidates : int, default=30
        Number of candidates of the search, >= 1.
    cv : int, cross-validator or list of (train, test), default=5
        Folds of the search; an integer is a number of folds of shuffled rows.
    random_state : int, RandomState or None, default=None
        Fixes folds, candidates, networks and the encoding of text.

    Attributes
    ----------
    model_ : Pipeline or EnsembleRegressor
        Fitted: transformers and network, or the ensemble of the search.
    network_ : DenseRegressor or EnsembleRegressor
        The network behind the transformers, or the ensemble as a whole.
    search_ : RandomizedSearchCV or AdaptiveSearchCV
        With `search`: the fitted search, such as `kohort.search_report` takes.
    columns_ : dict from str to str
        Kind of the values of each column: `"number"`, `"number in "` and a unit,
        `"truth value"`, `"date"`, `"date as "` and the format of dates that are text, `"empty"`,
        or `"text"` for anything else.
    residuals_ : array, shape (row, target)
        With `search`: absolute errors of the ensemble on out-of-fold rows, sorted.
    n_features_in_, feature_names_in_
        Number of columns; their names, if X had any.

    Examples
    --------
    >>> import pandas as pd, kohort
    >>> table = pd.DataFrame({"age": [3, None, 20, 41] * 20, "kind": ["oak", "ash"] * 40})
    >>> price = [10.0, 30.0, 12.5, 33.0] * 20
    >>> network = kohort.DenseRegressor(width=16, epochs=5)
    >>> model = kohort.TabularRegressor(network, random_state=0).fit(table, price)
    >>> model.columns_
    {'age': 'number', 'kind': 'text'}
    >>> model.predict(table).shape
    (80,)
    """

    task = REGRESSION

    def _check_target(self, y: TargetsLike) -> None:
        try:
            np.asarray(y, np.float64)
        except (ValueError, TypeError):
            found = numerals(pd.Series(np.ravel(np.asarray(y, object))))
            if found is None:
                return  # The network says what it is.
            raise DataError(
                f"y must hold numbers; got numbers written as text, such as {found.first!r}. Take "
                "separators and units out of it; `kohort search` does so with a table in a file."
            ) from None

    def _learn(self, y: TargetsLike) -> Self:
        super()._learn(y)
        known = getattr(self.model_, "out_of_fold_", None)
        self.__dict__.pop("residuals_", None)
        if known is not None and y is not None:
            errors = np.abs(np.asarray(y, np.float64).reshape(len(known), -1) - known)
            self.residuals_ = np.sort(errors, axis=0)
        return self

    def predict_interval(self, X: TableLike, coverage: float = 0.9) -> Floats:
        """Predict an interval that holds the target in a given share of new rows.

        This is the split conformal interval, with errors across folds: the prediction, plus and
        minus the `coverage` quantile of the ensemble's absolute errors on out-of-fold rows. The
        share holds on average over new rows that are like those of `fit`; the interval has the
        same width in every row. For a new row the models of all folds predict together, which errs
        a little less than one fold alone, so that intervals are rather too wide than too narrow.

        Parameters
        ----------
        X : DataFrame or array-like, shape (row, column)
            Rows with the columns that `fit` saw.
        coverage : float, default=0.9
            Share of new rows whose target the interval holds, in (0, 1).

        Returns
        -------
        array of float64, shape (row, 2) or (row, target, 2)
            Lower and upper ends; infinite where there were too few rows for such a coverage.

        Raises
        ------
        ParameterError
            If `coverage` is out of range, or the model is a single network, whose errors on new
            rows are not known.

        References
        ----------
        Barber, Candès, Ramdas and Tibshirani 2021, "Predictive inference with the jackknife+"
        (arXiv:1905.02928), section 3.
        """
        check_is_fitted(self, "model_")
        check("coverage", coverage, Interval(0, 1, closed="neither"))
        residuals = getattr(self, "residuals_", None)
        if residuals is None:
            requirement = "'random' or 'adaptive' where intervals are wanted"
            remedy = "Fit with search='random': its folds say how large errors on new rows are."
            raise ParameterError(explain("search", requirement, self.search, remedy))
        place = int(np.ceil(coverage * (len(residuals) + 1))) - 1
        reach = residuals[place] if place < len(residuals) else np.full(residuals.shape[1], np.inf)
        found = self.predict(X)
        reach = reach[0] if found.ndim == 1 else reach
        return np.stack([found - reach, found + reach], axis=-1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class TabularClassifier(ClassifierMixin, TabularEstimator):  # type: ignore[misc]
    """Classification of a raw table: text, dates, missing values and categories in, classes out.

    skrub's `TableVectorizer` makes numbers of the columns; numbers and truth values that are
    written as text are read first. The median replaces missing numbers. A dense network learns
    from the result. `kohort search` and `kohort fit` save this estimator. It needs skrub:
    `pip install "kohort[tables]"`.

    Parameters
    ----------
    network : DenseClassifier or None, default=None
        The network that learns; a search around the estimator names its parameters
        `network__depth` and so on. None for `DenseClassifier()`.
    search : {"random", "adaptive"} or None, default=None
        How to search the network's depth, width, activation, optimizer, rate, dropout and decay:
        random candidates, or `kohort.AdaptiveSearchCV` (which needs Optuna). Either ends in an
        ensemble of the networks of its folds (`kohort.ensemble_of`). None trains one network.
    n_candidates : int, default=30
        Number of candidates of the search, >= 1.
    cv : int, cross-validator or list of (train, test), default=5
        Folds of the search; an integer is a number of folds of shuffled rows, stratified by class.
    random_state : int, RandomState or None, default=None
        Fixes folds, candidates, networks and the encoding of text.

    Attributes
    ----------
    model_ : Pipeline or EnsembleClassifier
        Fitted: transformers and network, or the ensemble of the search.
    network_ : DenseClassifier or EnsembleClassifier
        The network behind the transformers, or the ensemble as a whole.
    search_ : RandomizedSearchCV or AdaptiveSearchCV
        With `search`: the fitted search, such as `kohort.search_report` takes.
    columns_ : dict from str to str
        Kind of the values of each column: `"number"`, `"number in "` and a unit,
        `"truth value"`, `"date"`, `"date as "` and the format of dates that are text, `"empty"`,
        or `"text"` for anything else.
    classes_ : array, shape (class,)
        Labels, sorted.
    n_features_in_, feature_names_in_
        Number of columns; their names, if X had any.

    Examples
    --------
    >>> import pandas as pd, kohort
    >>> table = pd.DataFrame({"age": [3, None, 20, 41] * 20, "kind": ["oak", "ash"] * 40})
    >>> sold = ["yes", "no", "yes", "no"] * 20
    >>> network = kohort.DenseClassifier(width=16, epochs=5)
    >>> model = kohort.TabularClassifier(network, random_state=0).fit(table, sold)
    >>> model.predict_proba(table).shape
    (80, 2)
    """

    task = CLASSIFICATION

    def _learn(self, y: TargetsLike) -> Self:
        super()._learn(y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: TableLike) -> Floats:
        """Predict the probability of each class.

        Parameters
        ----------
        X : DataFrame or array-like, shape (row, column)
            Rows with the columns that `fit` saw.

        Returns
        -------
        array, shape (row, class)
            Columns in the order of `classes_`.
        """
        rows = self._rows(X)
        return np.asarray(self.model_.predict_proba(rows))


_KINDS = {kind.task: kind for kind in (TabularRegressor, TabularClassifier)}


def tabular_of(task: str) -> type[TabularRegressor] | type[TabularClassifier]:
    """The estimator for a task."""
    return _KINDS[task]


def load_tabular(
    folder: PathLike, trusted: bool = False
) -> tuple[TabularRegressor | TabularClassifier, str]:
    """The estimator that a folder holds, and the name of its target; see `read_tabular`."""
    model, content, residuals = read_tabular(folder, trusted)
    table = _KINDS[content["task"]].of(model, content["columns"])
    if residuals is not None:
        table.residuals_ = residuals
    return table, content["target"]

"""Ensembles as ordinary fitted estimators: a weighted average of a search's fold models."""

from __future__ import annotations

import math

from sklearn.base import ClassifierMixin, RegressorMixin, clone

from kohort.arrays import (
    Floats,
    HostArray,
    Search,
    TableLike,
)
from kohort.recipe.constraints import Interval, check
from kohort.searches.ensembles.base import SearchEnsemble
from kohort.searches.ensembles.fold_models import kept_by
from kohort.searches.ensembles.losses import decided
from kohort.searches.ensembles.selection import SIZE


class EnsembleRegressor(RegressorMixin, SearchEnsemble):  # type: ignore[misc]
    """Weighted average of the models that a search for a regression has trained in its folds.

    `kohort.ensemble_of(search)` and `refit="ensemble"` give one that is fitted; `fit` searches
    anew.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        kohort's, of an estimator that predicts numbers.
    size : int, default=25
        Rounds of the selection, >= 1: how many members at most share the average.

    Attributes
    ----------
    parts_ : tuple of Part
        `candidate`, `parameters`, `weight`, `loss` (alone), `without` (loss of the ensemble without
        it) and `members` (one model per fold) of each candidate that takes part, the largest
        weight first.
    weights_ : array, shape (part,)
        They sum to 1.
    loss_name_, loss_ : str, float
        What the ensemble was selected by, and its value over the rows left out of the folds. A
        little too good, since the selection has seen these rows.
    best_single_loss_ : float
        The least loss that any candidate has alone.
    out_of_fold_ : array, shape (row, target)
        The ensemble's predictions of the search's rows, by models that were not trained on them.
    n_features_in_, feature_names_in_
        Number of features; their names, if X had any.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble Selection from Libraries of Models", ICML
    2004.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import kohort
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = kohort.GridSearchCV(
    ...     kohort.DenseRegressor(width=16, epochs=20, random_state=0),
    ...     {"learning_rate": [3e-3, 1e-2], "depth": [1, 2]},
    ...     cv=3,
    ... )
    >>> model = kohort.EnsembleRegressor(search, size=10).fit(X, y)
    >>> model.loss_ <= model.best_single_loss_
    True
    """

    def predict(self, X: TableLike) -> Floats:
        """Predict the target.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)

        Returns
        -------
        array of float64, shape (row,) or (row, target)
        """
        found = self._average(X, None)
        return found[:, 0] if self._flat else found


class EnsembleClassifier(ClassifierMixin, SearchEnsemble):  # type: ignore[misc]
    """Weighted average of the probabilities of the models that a search has trained in its folds.

    `kohort.ensemble_of(search)` and `refit="ensemble"` give one that is fitted; `fit` searches
    anew.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        kohort's, of a classifier with `predict_proba`.
    size : int, default=25
        Rounds of the selection, >= 1: how many members at most share the average.

    Attributes
    ----------
    parts_ : tuple of Part
        `candidate`, `parameters`, `weight`, `loss` (alone), `without` (loss of the ensemble without
        it) and `members` (one model per fold) of each candidate that takes part, the largest
        weight first.
    weights_ : array, shape (part,)
        They sum to 1.
    loss_name_, loss_ : str, float
        What the ensemble was selected by, and its value over the rows left out of the folds. A
        little too good, since the selection has seen these rows.
    best_single_loss_ : float
        The least loss that any candidate has alone.
    out_of_fold_ : array, shape (row, class)
        The ensemble's probabilities for the search's rows, by models that were not trained on them.
    classes_ : array, shape (class,)
        Labels, sorted; positions of the columns if y has a column per label.
    n_features_in_, feature_names_in_
        Number of features; their names, if X had any.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble Selection from Libraries of Models", ICML
    2004.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import kohort
    >>> X, y = load_iris(return_X_y=True)
    >>> search = kohort.GridSearchCV(
    ...     kohort.DenseClassifier(width=16, epochs=20, random_state=0),
    ...     {"learning_rate": [3e-3, 1e-2], "depth": [1, 2]},
    ...     cv=3,
    ... )
    >>> model = kohort.EnsembleClassifier(search, size=10).fit(X, y)
    >>> model.predict_proba(X).shape
    (150, 3)
    """

    def predict_proba(self, X: TableLike) -> Floats:
        """Probability of each class.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)

        Returns
        -------
        array, shape (row, class)
            Columns in the order of `classes_`.
        """
        return self._average(X, getattr(self, "classes_", None))

    def predict(self, X: TableLike) -> HostArray:
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)

        Returns
        -------
        array of labels, shape (row,); of 0 and 1, shape (row, label), if y has a column per label
        """
        probabilities = self.predict_proba(X)
        return decided(probabilities, self.classes_, self._flat)


def ensemble_of(search: Search, *, size: int = SIZE) -> EnsembleRegressor | EnsembleClassifier:
    """Average the best of what a search has trained, chosen by what it predicts of rows left out.

    Greedy selection with replacement: candidates are added one after another, each time the one
    that makes the average of the out-of-fold predictions best, up to `size` times; how often each
    was added is its weight. Nothing is trained: a part predicts as the mean of its models of the
    folds. The loss is the search's own `scoring`; where it has none, squared error (each target in
    units of its variance) or log loss, which have no ties and keep probabilities honest.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        kohort's, fitted with `keep_fold_models=True` or `refit="ensemble"`.
    size : int, default=25
        Rounds of the selection, >= 1.

    Returns
    -------
    EnsembleRegressor or EnsembleClassifier
        Fitted.

    Raises
    ------
    ParameterError
        If the search kept no models of its folds, or `size` is out of range.
    KohortError
        If the search's scorer asks for more than predictions.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble Selection from Libraries of Models", ICML
    2004.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> import kohort
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = kohort.GridSearchCV(
    ...     kohort.DenseRegressor(width=16, epochs=20, random_state=0),
    ...     {"learning_rate": [3e-3, 1e-2], "depth": [1, 2]},
    ...     cv=3,
    ...     keep_fold_models=True,
    ... ).fit(X, y)
    >>> model = kohort.ensemble_of(search)
    >>> float(model.weights_.sum().round(6)), model.predict(X).shape
    (1.0, (442,))
    """
    check("size", size, Interval(1, math.inf, whole=True))
    kept = kept_by(search)
    kind = EnsembleRegressor if kept.classes is None else EnsembleClassifier
    return kind(clone(search), size=size)._take(search, kept)

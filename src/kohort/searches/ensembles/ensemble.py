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
        A search of kohort's, over an estimator that predicts numbers.
    size : int, default=25
        Rounds of the selection, >= 1; the ensemble has at most that many candidates.

    Attributes
    ----------
    parts_ : tuple of Part
        The selected candidates, the largest weight first. Each has `candidate` (its number),
        `parameters`, `weight`, `loss` (its own), `without` (the loss of the ensemble without it)
        and `members` (one model per fold).
    weights_ : array, shape (part,)
        Weights of the parts; they sum to 1.
    loss_name_, loss_ : str, float
        The loss that the selection minimised, and its value for the ensemble on the out-of-fold
        rows. It is a little too good, since the selection has seen these rows.
    best_single_loss_ : float
        The least loss of a single candidate.
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
            Rows with the features that `fit` saw.

        Returns
        -------
        array of float64, shape (row,) or (row, target)
            The weighted mean of the members' predictions, in the target's own units.
        """
        found = self._average(X)
        return found[:, 0] if self._flat else found


class EnsembleClassifier(ClassifierMixin, SearchEnsemble):  # type: ignore[misc]
    """Weighted average of the probabilities of the models that a search has trained in its folds.

    A candidate's models, one for each fold, are pooled by the geometric mean of their
    probabilities, and the candidates by the arithmetic mean, weighted.

    `kohort.ensemble_of(search)` and `refit="ensemble"` give one that is fitted; `fit` searches
    anew.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        A search of kohort's, over a classifier with `predict_proba`.
    size : int, default=25
        Rounds of the selection, >= 1; the ensemble has at most that many candidates.

    Attributes
    ----------
    parts_ : tuple of Part
        The selected candidates, the largest weight first. Each has `candidate` (its number),
        `parameters`, `weight`, `loss` (its own), `without` (the loss of the ensemble without it)
        and `members` (one model per fold).
    weights_ : array, shape (part,)
        Weights of the parts; they sum to 1.
    loss_name_, loss_ : str, float
        The loss that the selection minimised, and its value for the ensemble on the out-of-fold
        rows. It is a little too good, since the selection has seen these rows.
    best_single_loss_ : float
        The least loss of a single candidate.
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
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)
            Rows with the features that `fit` saw.

        Returns
        -------
        array, shape (row, class)
            Columns in the order of `classes_`.
        """
        return self._average(X)

    def predict(self, X: TableLike) -> HostArray:
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)
            Rows with the features that `fit` saw.

        Returns
        -------
        array, shape (row,) or (row, label)
            The label of each row; of shape (row, label), with 0 and 1, if y has a column per label.
        """
        probabilities = self.predict_proba(X)
        return decided(probabilities, self.classes_, self._flat)


def ensemble_of(search: Search, *, size: int = SIZE) -> EnsembleRegressor | EnsembleClassifier:
    """Average models that a search has trained, selected by their out-of-fold predictions.

    The selection is greedy, with replacement: in each of up to `size` rounds it adds the candidate
    that makes the average of the out-of-fold predictions best. A candidate's weight is the number
    of times it was added, as a share. No model is trained: a candidate predicts the mean of its
    models of the folds, of probabilities the geometric mean. The loss is the search's own
    `scoring`. A search without one is judged by the squared error (each target in units of its
    variance) or the log loss, which have no ties and keep probabilities honest.

    Parameters
    ----------
    search : GridSearchCV or RandomizedSearchCV
        A search of kohort's, fitted with `keep_fold_models=True` or `refit="ensemble"`.
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

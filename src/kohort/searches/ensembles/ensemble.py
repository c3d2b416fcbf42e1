"""Ensembles as ordinary fitted estimators: a weighted average of a search's fold models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from kohort.arrays import (
    FitOptions,
    Floats,
    HostArray,
    Integers,
    Scorer,
    ScoringLike,
    Search,
    TableLike,
    TargetsLike,
)
from kohort.errors import ParameterError, explain
from kohort.recipe.constraints import Interval, check
from kohort.searches.ensembles.fold_models import FoldModels, kept_by
from kohort.searches.ensembles.losses import Loss, decided, loss_of
from kohort.searches.ensembles.members import Member, outputs_of, shared_fronts
from kohort.searches.ensembles.selection import SIZE, select


@dataclass(frozen=True, eq=False)
class Part:
    """A candidate of a search as part of an ensemble: the mean of its fold models.

    Attributes
    ----------
    candidate : int
        Position in the search's `cv_results_`.
    parameters : dict
    weight : float
        Share in the average, in (0, 1].
    loss : float
        Of its own predictions of rows left out, what the ensemble was selected by.
    without : float or None
        Loss of the ensemble without this part; None for the only one.
    members : tuple of Member
        Its fitted models, one per fold.
    """

    candidate: int
    parameters: Mapping[str, Any]
    weight: float
    loss: float
    without: float | None
    members: tuple[Member, ...]


class SearchEnsemble(BaseEstimator):  # type: ignore[misc]
    """Behaviour of `EnsembleRegressor` and `EnsembleClassifier`."""

    parts_: tuple[Part, ...]

    def __init__(self, search: Search, *, size: int = SIZE) -> None:
        self.search = search
        self.size = size

    def fit(self, X: TableLike, y: TargetsLike, **params: FitOptions) -> Self:
        """Search, and select from what the search has trained.

        Parameters
        ----------
        X, y, **params
            As those of the search's `fit`.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            If the search is none of kohort's, or its folds do not serve; see `ensemble_of`.
        """
        check("size", self.size, Interval(1, math.inf, whole=True))
        if "keep_fold_models" not in self.search.get_params(deep=False):
            remedy = "Use kohort.GridSearchCV or kohort.RandomizedSearchCV."
            requirement = "a search of kohort's, which keeps the models of its folds"
            raise ParameterError(explain("search", requirement, self.search, remedy))
        search = clone(self.search).set_params(refit=False, keep_fold_models=True)
        return self._take(search.fit(X, y, **params), kept_by(search))

    def _take(self, search: Search, kept: FoldModels) -> Self:
        """Select from what a fitted search has kept."""
        loss = loss_of(*_scoring(search), kept.y, kept.classes)
        terms = loss.terms(kept.predictions)
        found = select(terms, loss, self.size)
        chosen = np.flatnonzero(found.counts)
        chosen = chosen[np.argsort(-found.counts[chosen], kind="stable")]
        members = [member for place in chosen for member in kept.members[place]]
        shared = iter(shared_fronts(members))
        self.parts_ = tuple(
            Part(
                candidate=int(kept.candidates[place]),
                parameters=search.cv_results_["params"][kept.candidates[place]],
                weight=float(found.weights[place]),
                loss=float(found.alone[place]),
                without=_without(int(place), found.counts, terms, loss),
                members=tuple(next(shared) for _ in kept.members[place]),
            )
            for place in chosen
        )
        self.loss_name_, self.loss_ = loss.name, found.loss
        self.best_single_loss_ = float(found.alone.min())
        average = np.tensordot(found.weights, kept.predictions, axes=1)
        self.out_of_fold_ = average.astype(kept.predictions.dtype)
        self._flat = kept.y.ndim == 1
        if kept.classes is not None:
            self.classes_ = kept.classes
        first = members[0].head if members[0].front is None else members[0].front
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(first, name):
                setattr(self, name, getattr(first, name))
        return self

    @property
    def weights_(self) -> Floats:
        """Share of each part in the average, the largest first; they sum to 1."""
        check_is_fitted(self, "parts_")
        return np.array([part.weight for part in self.parts_])

    def _average(self, X: TableLike, classes: HostArray | None) -> Floats:
        check_is_fitted(self, "parts_")
        shares = [part.weight / len(part.members) for part in self.parts_ for _ in part.members]
        members = [member for part in self.parts_ for member in part.members]
        outputs = outputs_of(members, X, classes)
        return np.asarray(sum(w * found for w, found in zip(shares, outputs, strict=True)))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "parts_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.search)
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        return tags


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


def _without(place: int, counts: Integers, terms: Floats, loss: Loss) -> float | None:
    """Loss of an average without one of its candidates."""
    rest = counts.astype(float)
    rest[place] = 0
    if not rest.any():
        return None
    return float(loss.of(np.tensordot(rest / rest.sum(), terms, axes=1)[None])[0])


def _scoring(search: Search) -> tuple[ScoringLike, Scorer]:
    """What a fitted search ranks its candidates by: as it was given, and as a scorer."""
    if not search.multimetric_:
        return search.scoring, search.scorer_
    name = search.refit
    given = search.scoring[name] if isinstance(search.scoring, Mapping) else name
    return given, search.scorer_[name]


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

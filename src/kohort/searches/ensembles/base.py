"""The base of both ensembles: selection, average, export."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import groupby
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import _num_samples, check_is_fitted

from kohort.arrays import (
    Estimator,
    FitOptions,
    Floats,
    HostArray,
    Integers,
    PathLike,
    Scorer,
    ScoringLike,
    Search,
    TableLike,
    TargetsLike,
)
from kohort.errors import ParameterError, explain
from kohort.recipe.constraints import Interval, check
from kohort.searches.ensembles.export import keras_ensemble
from kohort.searches.ensembles.fold_models import FoldModels, kept_by
from kohort.searches.ensembles.losses import Loss, loss_of
from kohort.searches.ensembles.members import Member, fronts_of, outputs_of, shared_fronts
from kohort.searches.ensembles.part import Part
from kohort.searches.ensembles.persistence import save_ensemble
from kohort.searches.ensembles.pooling import Pooling
from kohort.searches.ensembles.selection import SIZE, select

_LEARNED = ("loss_name_", "loss_", "best_single_loss_", "_flat")
"""Attributes of an ensemble beside its parts, of plain values."""


class SearchEnsemble(BaseEstimator):  # type: ignore[misc]
    """Behaviour of `EnsembleRegressor` and `EnsembleClassifier`."""

    parts_: tuple[Part, ...]

    def __init__(self, search: Search, *, size: int = SIZE) -> None:
        self.search = search
        self.size = size

    def fit(self, X: TableLike, y: TargetsLike, **params: FitOptions) -> Self:
        """Run the search, and select an ensemble from the models of its folds.

        Parameters
        ----------
        X : array-like or DataFrame, shape (row, feature)
            Features.
        y : array-like, shape (row,) or (row, target)
            Targets.
        **params : object
            Further arguments of the search's `fit`, such as `groups`.

        Returns
        -------
        self
            The fitted ensemble.

        Raises
        ------
        ParameterError
            If the search is none of kohort's, or its folds leave no rows out; see `ensemble_of`.
        """
        check("size", self.size, Interval(1, math.inf, whole=True))
        if not hasattr(self.search, "keep_fold_models"):
            remedy = "Use kohort.GridSearchCV or kohort.RandomizedSearchCV."
            requirement = "a search of kohort's, which keeps the models of its folds"
            raise ParameterError(explain("search", requirement, self.search, remedy))
        search = clone(self.search).set_params(refit=False, keep_fold_models=True)
        return self._take(search.fit(X, y, **params), kept_by(search))

    def _take(self, search: Search, kept: FoldModels) -> Self:
        """Select from the models that a fitted search has kept."""
        loss = loss_of(*_scoring(search), kept.y, kept.classes)
        terms = loss.terms(kept.predictions)
        found = select(terms, loss, self.size)
        chosen = np.flatnonzero(found.counts)
        chosen = chosen[np.argsort(-found.counts[chosen], kind="stable")]
        shared = shared_fronts([own for place in chosen for own in kept.members[place]])
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
        average = np.tensordot(found.weights, kept.predictions, axes=1)
        self.out_of_fold_ = average.astype(kept.predictions.dtype)
        learned = {
            "loss_name_": loss.name, "loss_": found.loss, "_flat": kept.y.ndim == 1,
            "best_single_loss_": float(found.alone.min()),
        }  # fmt: skip
        return self._learn(learned, kept.classes)

    @classmethod
    def of(cls, parts: tuple[Part, ...], learned: Mapping[str, Any]) -> Self:
        """Make a fitted ensemble of given parts; it has no search, and cannot be fitted again.

        Parameters
        ----------
        parts : tuple of Part
            The candidates with their weights and models.
        learned : mapping
            Fitted attributes by their names.

        Returns
        -------
        EnsembleRegressor or EnsembleClassifier
            The ensemble.
        """
        self = cls(None)
        self.parts_ = parts
        heads = [member.head for part in parts for member in part.members]
        classes = [head.classes_ for head in heads if hasattr(head, "classes_")]
        return self._learn(learned, np.unique(np.concatenate(classes)) if classes else None)

    def _learn(self, learned: Mapping[str, Any], classes: HostArray | None) -> Self:
        """Set the fitted attributes beside the parts."""
        for name in _LEARNED:
            setattr(self, name, learned[name])
        if classes is not None:
            self.classes_ = classes
        first = self.parts_[0].members[0]
        model = first.head if first.front is None else first.front
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        return self

    @property
    def weights_(self) -> Floats:
        """Share of each part in the average, the largest first; they sum to 1."""
        check_is_fitted(self, "parts_")
        return np.array([part.weight for part in self.parts_])

    @property
    def fronts_(self) -> list[Estimator | None]:
        """Transformers in front of the members; None for members that read X as it is.

        Members that are pipelines have one for each fold.
        """
        check_is_fitted(self, "parts_")
        return fronts_of(self._members())

    def _members(self) -> list[Member]:
        return [member for part in self.parts_ for member in part.members]

    @property
    def _pooling(self) -> Pooling:
        """How the models of a part predict as one."""
        if not hasattr(self, "classes_"):
            return Pooling.TARGETS
        return Pooling.CLASSES if self._flat else Pooling.LABELS

    def _average(self, X: TableLike) -> Floats:
        """The weighted mean of the parts' predictions, shape (row, output)."""
        check_is_fitted(self, "parts_")
        classes, total = getattr(self, "classes_", None), np.zeros((_num_samples(X), 0))
        owners = [place for place, part in enumerate(self.parts_) for _ in part.members]
        known = [part.knows(classes) for part in self.parts_]
        found = outputs_of(self._members(), X, classes)
        for (place, _), own in groupby(found, lambda one: (owners[one[0]], one[1].start)):
            _, (rows, *_), outputs = zip(*own, strict=True)
            pooled = self._pooling.of(outputs, known[place])
            if not total.shape[1]:
                total = np.zeros((len(total), pooled.shape[1]))
            total[rows] += self.parts_[place].weight * pooled
        return total

    def to_keras(self, *, transformed: bool = False) -> Any:
        """The ensemble as one compiled `keras.Model`.

        Parameters
        ----------
        transformed : bool, default=False
            For pipelines: a model of the networks alone, with an input for each of `fronts_`.

        Returns
        -------
        keras.Model
            Input and output as those of the networks' own `to_keras`: features in their own units;
            targets, the probability of `classes_[1]`, or that of each class.

        Raises
        ------
        ParameterError
            If there are transformers in front of the networks and `transformed` is False, if a
            member is no network with a `to_keras`, or lacks a class.
        """
        check_is_fitted(self, "parts_")
        outputs = len(getattr(self, "classes_", ())) or 1
        name = type(self).__name__
        return keras_ensemble(self.parts_, self._pooling, outputs, name, transformed)

    def save(self, path: PathLike) -> None:
        """Write the fitted ensemble to one file; `kohort.load` reads it.

        Transformers of pipelines and members that are not kohort's dense networks are kept as
        pickles in it, and make it a file that only `kohort.load(path, trusted=True)` reads. The
        search and `out_of_fold_` are left out.

        Parameters
        ----------
        path : str or path
            Replaced if it exists.

        Raises
        ------
        ParameterError
            If `path` is no path.
        DataError
            If the file cannot be written.
        """
        check_is_fitted(self, "parts_")
        learned = {name: getattr(self, name) for name in _LEARNED}
        save_ensemble(path, type(self).__name__, self.parts_, learned)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "parts_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.search is None:
            return tags
        inner = get_tags(self.search)
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        return tags


def _without(place: int, counts: Integers, terms: Floats, loss: Loss) -> float | None:
    """Loss of an average without one of its candidates."""
    rest = counts.astype(float)
    rest[place] = 0
    if not rest.any():
        return None
    return float(loss.of(np.tensordot(rest / rest.sum(), terms, axes=1)[None])[0])


def _scoring(search: Search) -> tuple[ScoringLike, Scorer]:
    """The metric by which a fitted search ranks candidates: as it was given, and as a scorer."""
    if not search.multimetric_:
        return search.scoring, search.scorer_
    name = search.refit
    given = search.scoring[name] if isinstance(search.scoring, Mapping) else name
    return given, search.scorer_[name]

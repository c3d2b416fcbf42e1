"""The models that a search has trained in its folds, and their predictions for rows left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import _safe_indexing

from kohort.arrays import Estimator, Floats, HostArray, Integers, Search, TableLike, TargetsLike
from kohort.errors import DataError, ParameterError, explain
from kohort.searches.ensembles.capture import Split, check_splits
from kohort.searches.ensembles.members import Member, outputs_of, shared_fronts

MOST = 50
"""Candidates whose models a search keeps, those of the best scores."""


@dataclass(frozen=True, eq=False)
class FoldModels:
    """Models of a search's folds, and their predictions for the rows that their folds left out.

    Attributes
    ----------
    candidates : array of int, shape (kept,)
        Positions in `cv_results_` of the candidates that are kept, the best first; no candidate of
        which any fit failed.
    members : list of list of Member
        The models of each such candidate, one per fold.
    predictions : array, shape (kept, row, output)
        Of each row by the models of the folds that left it out, their mean where several did:
        probabilities of `classes`, of a regression the targets.
    y : array, shape (row,) or (row, target)
        As the search was given it.
    classes : array or None
        Classes, sorted; positions of the columns where y has a column per label. None for a
        regression.
    """

    candidates: Integers
    members: list[list[Member]]
    predictions: Floats
    y: HostArray
    classes: HostArray | None

    @classmethod
    def of(
        cls,
        models: Sequence[Sequence[Estimator | None]],
        scores: Floats,
        splits: Sequence[Split],
        X: TableLike,
        y: TargetsLike,
        most: int = MOST,
    ) -> Self:
        """Keep the models of the best candidates, and let them predict.

        Parameters
        ----------
        models : sequence of sequence of estimator or None, shape (candidate, fold)
            Fitted; None for one that failed.
        scores : array, shape (candidate,)
            Greater is better; NaN for a candidate that is not to be kept.
        splits : sequence of (array, array)
            Rows that each fold was trained on, and those that it left out.
        X, y
            Table and targets of the search.
        most : int, default=50
            Candidates to keep.

        Raises
        ------
        DataError
            If there is no such candidate.
        ParameterError
            If there are fewer than two folds, some rows are never left out, or the models do not
            predict what can be averaged.
        """
        y = np.asarray(y)
        check_splits(splits, len(y))
        whole = [all(model is not None for model in fits) for fits in models]
        order = np.argsort(-np.asarray(scores, float), kind="stable")
        best = [int(c) for c in order if whole[c] and np.isfinite(scores[c])][:most]
        if not best:
            raise DataError(
                "An ensemble needs a candidate whose fits in all folds have ended with weights; "
                "got none. Lower the learning rates of the space."
            )
        if is_classifier(models[best[0]][0]) and y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]  # As the classifiers read it.
        classes = _classes(models[best[0]][0], y)
        by_fold = [
            list(shared_fronts(Member.of(models[c][fold]) for c in best))
            for fold in range(len(splits))
        ]
        shape = len(best), len(y), _width(y, classes)
        predictions = np.zeros(shape, np.float64 if classes is None else np.float32)
        times = np.bincount(np.concatenate([test for _, test in splits]), minlength=len(y))
        for fold, (_, test) in enumerate(splits):
            rows = _safe_indexing(X, test)
            for place, some, output in outputs_of(by_fold[fold], rows, classes):
                predictions[place, test[some]] += output
        predictions /= times[:, None]
        members = [list(own) for own in zip(*by_fold, strict=True)]
        return cls(np.asarray(best), members, predictions, y, classes)


def _classes(model: Estimator, y: HostArray) -> HostArray | None:
    if not is_classifier(model):
        return None
    return np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])


def _width(y: HostArray, classes: HostArray | None) -> int:
    if classes is not None:
        return len(classes)
    return 1 if y.ndim == 1 else y.shape[1]


def kept_by(search: Search) -> FoldModels:
    """The models that a fitted search has kept.

    Raises
    ------
    ParameterError
        If it has kept none.
    """
    found: FoldModels | None = getattr(search, "fold_models_", None)
    if found is None:
        requirement = "a fitted search of kohort's that kept the models of its folds"
        remedy = "Search with keep_fold_models=True, or with refit='ensemble'."
        raise ParameterError(explain("search", requirement, search, remedy))
    return found

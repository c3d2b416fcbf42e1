"""The baseline that a search has to beat: one constant prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import BaseCrossValidator, cross_val_score

from kohort.arrays import HostArray


@dataclass(frozen=True)
class Baseline:
    """Scores of always the same answer: the most frequent class, or the mean.

    Attributes
    ----------
    answer : str
        In words.
    cv_score, cv_std : float
        Over the folds of the search.
    test_score : float or None
        On the rows held out; None without such rows.
    """

    answer: str
    cv_score: float
    cv_std: float
    test_score: float | None

    @classmethod
    def of(
        cls, searched: HostArray, tested: HostArray, classifies: bool, folds: BaseCrossValidator
    ) -> Self:
        """The baseline of labels.

        Parameters
        ----------
        searched, tested : array, shape (row,)
            Labels of the rows that are searched on, and of those held out.
        classifies : bool
        folds : cross-validator
            Gives the same folds each time.

        Examples
        --------
        >>> from sklearn.model_selection import StratifiedKFold
        >>> labels = np.array(["a", "a", "a", "b"] * 4)
        >>> found = Baseline.of(labels, labels[:3], True, StratifiedKFold(4))
        >>> found.answer, found.cv_score, found.test_score
        ("always 'a'", 0.75, 1.0)
        """
        same = DummyClassifier(strategy="most_frequent") if classifies else DummyRegressor()
        nothing = np.zeros((len(searched), 1))
        scores = cross_val_score(same, nothing, searched, cv=folds)
        same.fit(nothing, searched)
        score = float(same.score(np.zeros((len(tested), 1)), tested)) if len(tested) else None
        (answer,) = same.predict(nothing[:1]).tolist()
        words = f"always {answer!r}" if classifies else f"always the mean, {answer:g}"
        return cls(words, float(scores.mean()), float(scores.std()), score)

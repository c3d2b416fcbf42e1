"""Losses that the selection minimises: squared error, log loss, or a search's scorer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from kohort.arrays import Estimator, Floats, HostArray, Scorer
from kohort.errors import KohortError

LEAST = 1e-7
"""Probability below which a true class is not taken for less likely still."""

_OF_NUMBERS = (None, "r2", "neg_mean_squared_error", "neg_root_mean_squared_error")
_OF_CLASSES = (None, "neg_log_loss")
"""Scores that rank averages as squared error, and as log loss do."""


class Loss(Protocol):
    """A loss of averaged predictions."""

    @property
    def name(self) -> str:
        """In words."""
        ...

    def terms(self, predictions: Floats) -> Floats:
        """Quantities whose mean over candidates determines the loss of the averaged predictions.

        Parameters
        ----------
        predictions : array, shape (candidate, row, output)

        Returns
        -------
        array, shape (candidate, ...)
        """
        ...

    def of(self, blends: Floats) -> Floats:
        """Losses of averages of terms, shape (blend, ...); smaller is better, shape (blend,)."""
        ...


@dataclass(frozen=True, eq=False)
class SquaredError:
    """Squared error, each target in units of its variance: 1 - R² of all rows.

    Parameters
    ----------
    y : array of float64, shape (row, target)
    """

    y: Floats

    name = "squared error"

    def terms(self, predictions: Floats) -> Floats:
        deviation = self.y.std(axis=0)
        unit = np.where(deviation > 0, deviation, 1.0)
        return np.asarray((predictions - self.y) / unit)

    def of(self, blends: Floats) -> Floats:
        return np.asarray(np.mean(np.square(blends), axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class LogLoss:
    """Mean negative log-likelihood of the true classes, in nats.

    Parameters
    ----------
    y : array of int, shape (row,), or (row, label) of 0 and 1
        Positions of the true classes.
    """

    y: HostArray

    name = "log loss"

    def terms(self, predictions: Floats) -> Floats:
        if self.y.ndim == 2:
            return np.where(self.y == 1, predictions, 1 - predictions)
        return predictions[:, np.arange(len(self.y)), self.y]

    def of(self, blends: Floats) -> Floats:
        likelihoods = np.log(np.maximum(blends, LEAST)).reshape(len(blends), -1)
        return np.asarray(-likelihoods.mean(axis=1))


@dataclass(frozen=True, eq=False)
class Scored:
    """The negative score that a search's scorer gives.

    Parameters
    ----------
    scorer : callable
        `scorer(estimator, X, y)`; it may ask the estimator for predictions alone.
    y : array, shape (row,) or (row, target)
        As the search was given it.
    classes : array or None
        None for a regression.
    """

    scorer: Scorer
    y: HostArray
    classes: HostArray | None

    @property
    def name(self) -> str:
        return "the search's scorer"

    def terms(self, predictions: Floats) -> Floats:
        return predictions

    def of(self, blends: Floats) -> Floats:
        rows = np.arange(len(self.y))[:, None]
        return np.array([-self._score(answers_of(blend, self.classes, self.y), rows)
                         for blend in blends])  # fmt: skip

    def _score(self, answers: Estimator, rows: HostArray) -> float:
        try:
            return float(self.scorer(answers, rows, self.y))
        except Exception as error:
            raise KohortError(
                "An ensemble is selected by its predictions alone, and the search's `scoring` "
                f"asks for more, such as a fitted estimator ({type(error).__name__}: {error}). "
                "Search with a metric of predictions, such as scoring='r2' or 'neg_log_loss'."
            ) from error


class _Answers(BaseEstimator):  # type: ignore[misc]
    """An estimator whose answers are known; X holds row numbers."""

    def __init__(self, known: Floats, classes_: HostArray | None, flat: bool) -> None:
        self.known = known
        self.classes_ = classes_
        self.flat = flat

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _Probabilities(ClassifierMixin, _Answers):  # type: ignore[misc]
    def predict_proba(self, X: NDArray[np.intp]) -> Floats:
        return self.known[X[:, 0]]

    def predict(self, X: NDArray[np.intp]) -> HostArray:
        return decided(self.predict_proba(X), self.classes_, self.flat)


class _Numbers(RegressorMixin, _Answers):  # type: ignore[misc]
    def predict(self, X: NDArray[np.intp]) -> Floats:
        found = self.known[X[:, 0]]
        return found[:, 0] if self.flat else found


def answers_of(known: Floats, classes: HostArray | None, y: HostArray) -> Any:
    """A fitted estimator that gives known predictions, shape (row, output), by row number."""
    kind = _Numbers if classes is None else _Probabilities
    return kind(known, classes, y.ndim == 1)


def decided(probabilities: Floats, classes: HostArray | None, single: bool) -> HostArray:
    """The likeliest class of each row, or with a column per label those likelier than not."""
    if not single:
        return (probabilities > 0.5).astype(np.int64)
    assert classes is not None
    return np.asarray(classes[np.argmax(probabilities, axis=1)])


def loss_of(scoring: object, scorer: Scorer, y: HostArray, classes: HostArray | None) -> Loss:
    """The loss that an ensemble of a search's candidates is selected by.

    Squared error or log loss where the search has no `scoring` of its own, or one that ranks as
    they do: they have no ties, take every row into account, and log loss keeps probabilities
    honest, which accuracy does not. A score that was asked for by name is what is to be best.

    Parameters
    ----------
    scoring : str, callable or None
        As the search was given it.
    scorer : callable
        The scorer that the search made of it.
    y : array, shape (row,) or (row, target)
    classes : array or None
        None for a regression.
    """
    if scoring not in (_OF_NUMBERS if classes is None else _OF_CLASSES):
        return Scored(scorer, y, classes)
    if classes is None:
        return SquaredError(np.asarray(y, np.float64).reshape(len(y), -1))
    return LogLoss(np.searchsorted(classes, y) if y.ndim == 1 else np.asarray(y))

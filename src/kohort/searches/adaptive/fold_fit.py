"""One candidate in one fold: an estimator that trains from rung to rung inside scikit-learn's fit.

scikit-learn's searches clone, set parameters, fit and score. Here they clone an estimator whose
`fit` begins the first time and goes on the next times. Everything else is scikit-learn's: slicing,
scorers, routing, times, the treatment of errors.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sklearn.base import clone

from kohort.arrays import Estimator, FitOptions, TableLike, TargetsLike
from kohort.estimators.parts import FitInParts, refuse_pauses


def last_step(estimator: Estimator) -> Any:
    """The last step of a pipeline, also of nested ones; any other estimator itself."""
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[-1][1]
    return estimator


class FoldRows:
    """The training rows of one fold, which all candidates share once the first has brought them."""

    def __init__(self) -> None:
        self._kept: tuple[TableLike, ...] = ()

    def shared(self, *rows: TableLike) -> tuple[TableLike, ...]:
        """The same features and targets, as the first candidate brought them."""
        self._kept = self._kept or rows
        return self._kept


class FoldFit:
    """A candidate's fit in a fold.

    Parameters
    ----------
    rows : FoldRows

    Attributes
    ----------
    estimator : estimator or None
        None before the fit has begun, and after it was closed.
    error : Exception or None
        The error that ended the fit.
    """

    def __init__(self, rows: FoldRows) -> None:
        self._rows = rows
        self.estimator: Estimator | None = None
        self._parts: FitInParts | None = None
        self.error: Exception | None = None
        self._trained = 0

    @property
    def ended(self) -> bool:
        """Whether no epoch is left, be it for an error."""
        return self._parts is None or self.error is not None or not self._parts.paused

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return self._trained if self._parts is None else self._parts.trained

    def armed(self, given: Estimator, until: int | None) -> Estimator:
        """The estimator that scikit-learn shall fit next, which trains up to a number of epochs.

        Parameters
        ----------
        given : estimator
            Cloned for the first rung.
        until : int or None
            None fits it as it is, which needs no estimator that can pause.
        """
        if self.estimator is None:
            self.estimator = clone(given)
        else:  # Its parameters are set; setting them again would put new steps in place of fitted.
            self.estimator.set_params = lambda **_: self.estimator
        self.estimator.fit = partial(self._fit, until)
        return self.estimator

    def _fit(
        self, until: int | None, X: TableLike, *y: TargetsLike, **params: FitOptions
    ) -> Estimator:
        estimator: Any = self.estimator
        for name in ("fit", "set_params"):
            vars(estimator).pop(name, None)
        if self.error is not None:
            raise self.error
        try:
            if until is None:
                estimator.fit(X, *y, **params)
                self._trained = getattr(last_step(estimator), "n_epochs_", 0)
            elif self._parts is not None:
                self._parts.train(until)
            else:
                self._begin(until, *self._rows.shared(X, *y), **params)
        except Exception as error:
            self.error = error
            raise
        return estimator

    def _begin(self, until: int, *rows: TableLike, **params: FitOptions) -> None:
        """Fit the steps before the last one, once, and begin the last one."""
        estimator = self.estimator
        assert estimator is not None
        last = last_step(estimator)
        refuse_unless_it_pauses(last)

        def start(*rows: TableLike, **params: FitOptions) -> Estimator:
            vars(last).pop("fit", None)
            self._parts = last.begin(*rows, **params)
            return self._parts.train(until)

        last.fit = start
        try:
            estimator.fit(*rows, **params)
        finally:
            vars(last).pop("fit", None)

    def close(self) -> None:
        """Train no further epoch, and let go of everything but the number of those trained."""
        if self._parts is not None:
            self._trained = self._parts.trained
            self._parts.close()
        self._parts = self.estimator = None


def refuse_unless_it_pauses(estimator: Estimator) -> None:
    """Raise `ParameterError` if the training of an estimator cannot pause."""
    if not hasattr(estimator, "begin"):
        raise refuse_pauses(estimator, "is none of them")

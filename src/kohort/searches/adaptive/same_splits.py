"""Folds that are the same in every round."""

from __future__ import annotations

from typing import Any

from kohort.arrays import FitOptions, Splitter, TableLike, TargetsLike


class SameSplits:
    """A cross-validator that asks another one once, and gives the same folds from then on.

    Parameters
    ----------
    cv : cross-validator
    """

    def __init__(self, cv: Splitter) -> None:
        self._cv = cv
        self._splits: list[Any] | None = None

    def split(self, X: TableLike, y: TargetsLike = None, **params: FitOptions) -> list[Any]:
        """The folds."""
        if self._splits is None:
            self._splits = list(self._cv.split(X, y, **params))
        return self._splits

    def get_n_splits(self, X: TableLike, y: TargetsLike = None, **params: FitOptions) -> int:
        """How many folds there are."""
        return int(self._cv.get_n_splits(X, y, **params))

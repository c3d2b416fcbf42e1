"""A candidate of an adaptive search: its parameters, its fits in the folds, how far it has come."""

from __future__ import annotations

from typing import Any

from kohort.searches.adaptive.fold_fit import FoldFit, FoldRows


class Candidate:
    """One set of parameters, whose fits in all folds pause and go on together.

    Parameters
    ----------
    number : int
        From 0, in the order in which the sampler gave them.
    parameters : dict
    rows : list of FoldRows
        Of each fold.

    Attributes
    ----------
    folds : list of FoldFit
    rung : int
        The one that it trains for, or has reached.
    completed : bool
        Whether it trained to its end; a pruned candidate did not.
    fits : list of dict
        scikit-learn's results for each fold at the latest rung; times are sums over all rungs.
    """

    def __init__(self, number: int, parameters: dict[str, Any], rows: list[FoldRows]) -> None:
        self.number, self.parameters = number, parameters
        self.folds = [FoldFit(each) for each in rows]
        self.rung, self.completed = 0, False
        self.fits: list[dict[str, Any]] = []

    @property
    def ended(self) -> bool:
        """Whether its fits have ended in all folds."""
        return all(fold.ended for fold in self.folds)

    def take(self, fits: list[dict[str, Any]]) -> None:
        """Take the results of its folds in the latest round."""
        for before, now in zip(self.fits, fits, strict=False):
            for name in ("fit_time", "score_time"):
                now[name] += before[name]
        self.fits = fits

    def close(self) -> None:
        """Train no further epoch."""
        self.completed = self.ended
        for fold in self.folds:
            fold.close()

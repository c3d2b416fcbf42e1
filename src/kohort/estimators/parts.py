"""A fit that trains in parts: it pauses between two epochs and goes on from its own state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from kohort.arrays import Estimator
from kohort.engine.member import PAUSED, Member, Outcome
from kohort.errors import ParameterError, explain

Train = Callable[[list[Member]], list[Outcome]]
Take = Callable[[Sequence[Outcome], bool], Any]


def _nothing() -> None:
    """Do nothing: the default for a fit that calls nothing at its end."""


def refuse_pauses(estimator: Estimator, reason: str) -> ParameterError:
    """The error about an estimator whose training cannot pause, which has this reason."""
    return ParameterError(
        explain(
            "estimator",
            "one whose training can pause: a Dense, Conv or Keras estimator of kohort's that a "
            "cohort trains, alone or as the last step of a pipeline",
            estimator,
            f"This one {reason}. Set pruner=None to train every candidate to its end.",
        )
    )


class FitInParts:
    """A fit that has begun: its data are prepared, and its members train epoch by epoch.

    However often it pauses, it ends bit for bit as a fit that does not, and no epoch is trained
    twice.

    Parameters
    ----------
    members : list of Member
        One for each network.
    train : callable
        Trains members and gives their outcomes.
    take : callable
        `take(outcomes, ended)` makes the estimator a fitted one and returns it.
    drop : callable
        Is called if the fit is closed while it is paused.

    Examples
    --------
    >>> import numpy as np, kohort
    >>> X = np.random.default_rng(0).normal(size=(64, 3))
    >>> fit = kohort.DenseRegressor(width=8, epochs=9, random_state=0).begin(X, X[:, 0])
    >>> fit.train(3).n_epochs_, fit.paused
    (3, True)
    >>> fit.train().n_epochs_, fit.paused
    (9, False)
    """

    def __init__(
        self, members: list[Member], train: Train, take: Take, drop: Callable[[], None] = _nothing
    ) -> None:
        self._members, self._train, self._take, self._drop = members, train, take, drop
        self._outcomes: list[Outcome] = []
        self._fitted: Any = None

    @property
    def epochs(self) -> int:
        """How many epochs it trains if nothing stops it early."""
        return max(member.epochs for member in self._members)

    @property
    def trained(self) -> int:
        """Epochs trained so far, of the network that trained longest."""
        return max((outcome.epochs for outcome in self._outcomes), default=0)

    @property
    def paused(self) -> bool:
        """Whether it waits to go on."""
        return any(outcome.status == PAUSED for outcome in self._outcomes)

    def train(self, until: int | None = None) -> Any:
        """Train up to a number of epochs, or to the end.

        Parameters
        ----------
        until : int or None, default=None
            Epochs in all, >= 1; None for all that are left.

        Returns
        -------
        estimator
            Fitted as if its training had ended here.
        """
        if self._outcomes and not self.paused:
            return self._fitted
        known = dict(enumerate(self._outcomes))
        going = {
            place: replace(member, until=until, resumed=known[place].snapshot if known else None)
            for place, member in enumerate(self._members)
            if not known or known[place].status == PAUSED
        }
        known |= dict(zip(going, self._train(list(going.values())), strict=True))
        self._outcomes = [known[place] for place in range(len(self._members))]
        self._fitted = self._take(self._outcomes, not self.paused)
        return self._fitted

    def close(self) -> None:
        """Train no further epoch; the estimator stays as the last part left it."""
        if self.paused:
            self._drop()
        self._members, self._outcomes = [], []

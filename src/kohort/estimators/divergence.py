"""The answer to a training that diverged: an error, or its last usable weights with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from kohort.cohort.kept import kept, kept_after_error
from kohort.engine.member import DIVERGED, Floats, Outcome
from kohort.errors import DivergedError, DivergedWarning


def usable_weights(outcomes: Sequence[Outcome], stacklevel: int) -> list[Floats]:
    """The weights of the first network of a fit that has any; a warning for each that diverged.

    Parameters
    ----------
    outcomes : sequence of Outcome
        One for each network.
    stacklevel : int
        As that of `warnings.warn`, seen from the caller.

    Raises
    ------
    DivergedError
        If no network has weights.
    """
    usable = [outcome.weights for outcome in outcomes if outcome.weights is not None]
    if not usable:
        raise DivergedError(f"{outcomes[0].cause}{kept_after_error()}")
    for outcome in outcomes:
        if outcome.status == DIVERGED:
            text = f"{outcome.cause} {_what_is_left(outcome)}{kept()}"
            warnings.warn(text, DivergedWarning, stacklevel=stacklevel + 1)
    return usable[0]


def _what_is_left(outcome: Outcome) -> str:
    if outcome.weights is None:
        return "The other networks predict without it."
    best = outcome.best_epoch + 1
    return f"The weights of epoch {best}, the best before that, were restored."

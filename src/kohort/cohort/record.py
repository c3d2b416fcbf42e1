"""Records of a cohort's fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kohort.engine.fit import Fit
from kohort.engine.member import WAITING


class Diagnosed(Protocol):
    """The findings of a study about a fit, such as a `kohort.Diagnosis` has."""

    @property
    def findings(self) -> Sequence[Any]:
        """The findings, the worst first."""
        ...


@dataclass
class Record:
    """The end of one fit.

    Attributes
    ----------
    parameters : dict
        The estimator's parameters; none for its unsupervised pretraining.
    history : dict of list
        Per-epoch logs, as Keras names them; those of the first of several networks. Grows while
        the fit trains.
    status : str
        `"waiting"` until the fit has ended; then that of the estimator's `status_`, or
        `"cancelled"` or `"failed"` when the fit raised an error.
    seconds : float
        From the call of `fit` to its end, waiting included.
    best_epoch : int
        Index of the epoch whose weights were kept.
    steps_per_epoch : int
        Optimizer steps in an epoch.
    diagnosis : kohort.Diagnosis or None
        Where the fit asked for one.
    """

    parameters: dict[str, Any]
    history: dict[str, list[float]] = field(default_factory=dict)
    status: str = WAITING
    seconds: float = 0.0
    best_epoch: int = 0
    steps_per_epoch: int = 0
    diagnosis: Diagnosed | None = None

    def follow(self, fits: list[Fit]) -> None:
        """Let the history be that of the first of these fits, which are about to train."""
        self.history = fits[0].history

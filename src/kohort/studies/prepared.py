"""The interface of estimators to studies: the members that `fit` would train, untrained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

from kohort.arrays import Estimator, Table
from kohort.engine.member import Member, Outcome
from kohort.errors import ParameterError, explain
from kohort.recipe.constraints import AnyOf, Constraint, OneOf

AUTO = "auto"
AUTOMATIC = frozenset({"batch_size", "learning_rate"})
"""Parameters of every estimator that may be measured before the fit."""
REFERENCE = 32
"""Batch size that a fit is prepared with where its batch size is `"auto"`."""


def is_auto(value: object) -> bool:
    """Whether a parameter asks for a measurement."""
    return isinstance(value, str) and value == AUTO


def or_auto(constraint: Constraint) -> Constraint:
    """A constraint that accepts `"auto"` too."""
    return AnyOf((constraint, OneOf((AUTO,))))


class Prepared(Protocol):
    """A fit whose data are checked, scaled and split, and which has not trained.

    Its variants share those data: none of them checks or scales X again.
    """

    @property
    def members(self) -> list[Member]:
        """Members that `fit` would train, before any pretraining; they call no callbacks.

        Empty where `obstacle` says why a cohort cannot train them.
        """
        ...

    @property
    def obstacle(self) -> str:
        """Why a cohort cannot train the fit; "" if it can."""
        ...

    @property
    def automatic(self) -> frozenset[str]:
        """Which of `"batch_size"`, `"learning_rate"` and `"workers"` shall be measured first."""
        ...

    @property
    def batch_size(self) -> int:
        """Rows of a batch."""
        ...

    @property
    def rate(self) -> float | None:
        """Learning rate; None where a schedule of the optimizer's own sets it."""
        ...

    @property
    def schedule(self) -> object:
        """The part that sets the learning rate if `rate` is None."""
        ...

    @property
    def adaptive(self) -> bool:
        """Whether the optimizer divides gradients by their own size."""
        ...

    def with_batch_size(self, size: int) -> Self:
        """The same fit with batches of this number of rows."""
        ...

    def with_rate(self, rate: float) -> Self:
        """The same fit with another learning rate."""
        ...

    def with_warmup(self, epochs: float) -> Self:
        """The same fit with a warm-up of this many epochs, unless it has one or cannot have one."""
        ...

    def with_workers(self, workers: int) -> Self:
        """The same fit, whose rows this number of processes reads from their files."""
        ...

    def seeded(self, seeds: Sequence[int]) -> list[Member]:
        """A member as each seed would start it, all on the rows as the first seed splits."""
        ...

    def typical(self) -> Self:
        """The same fit without what hardly moves its best rate, and without callbacks; its program
        stays the same.
        """
        ...

    def differentiable(self) -> Self:
        """The same fit by a network whose gradients XLA can take."""
        ...

    def take(self, outcomes: Sequence[Outcome]) -> Any:
        """Make the estimator a fitted one by the outcomes of `members`, and return it."""
        ...


class Preparing(Protocol):
    """An estimator whose fits a cohort trains."""

    _rate_parameter: str

    def prepare(self, X: Table, y: Table, *args: Any, **fit_params: Any) -> Prepared:
        """Do everything that `fit` does before it trains."""
        ...


def prepared_fit(estimator: Preparing, X: Table, y: Table, fit_params: dict[str, Any]) -> Prepared:
    """The prepared fit of an estimator that belongs to the study, which it changes.

    Raises
    ------
    ParameterError
        If the estimator is not kohort's, or a cohort cannot train it.
    """
    requirement = "a kohort estimator whose fits a cohort can take"
    if not hasattr(estimator, "prepare"):
        raise ParameterError(explain("estimator", requirement, estimator))
    prepared = estimator.prepare(X, y, **fit_params)
    if prepared.obstacle:
        raise ParameterError(explain("estimator", requirement, estimator, prepared.obstacle))
    return prepared


def refuse_own_batch_size(estimator: Estimator, prepared: Prepared) -> None:
    """Refuse a batch size in the arguments of `fit`, which would outdo the parameter."""
    own = estimator.batch_size
    if isinstance(own, int) and own > 0 and prepared.batch_size != own:
        requirement = "left out here"
        raise ParameterError(explain("fit__batch_size", requirement, prepared.batch_size))

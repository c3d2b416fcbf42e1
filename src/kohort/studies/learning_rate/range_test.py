"""`kohort.find_learning_rate`: the learning-rate range test, several seeds as one cohort."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import clone

from kohort.arrays import Estimator, TableLike, TargetsLike
from kohort.cohort.session import session
from kohort.engine.member import Member
from kohort.errors import ParameterError, RateWarning, explain
from kohort.recipe.constraints import Interval, check, optional
from kohort.recipe.hyperparameters import DEFAULTS
from kohort.studies.batch_size.planning import automatic_batch_size
from kohort.studies.content import content_of
from kohort.studies.learning_rate.rate_finding import (
    RateFinding,
    finding,
    losses_of_sweep,
    sweep,
    swept,
)
from kohort.studies.prepared import Prepared, is_auto, prepared_fit

_SEEDS, _LOW, _HIGH = 8, 1e-6, 10.0
_MOST_STEPS, _LEAST_STEPS = 800, 200
_POSITIVE = Interval(0, np.inf, "neither")


def find_learning_rate(
    estimator: Estimator, X: TableLike, y: TargetsLike, *, seeds: int = _SEEDS, low: float = _LOW,
    high: float = _HIGH, steps: int | None = None, **fit_params: Any,
) -> RateFinding:  # fmt: skip
    """Find a learning rate by letting it grow from step to step (Smith 2017, arXiv:1506.01186).

    Several seeds train from fresh weights as one cohort while the rate grows exponentially. The
    suggestion is a twentieth of the rate from which on the smoothed median of their losses stays
    above its lowest level: the edge of stability. docs/learning_rate.md compares this rule with
    others. A schedule starts at the suggested rate or peaks at it.

    Parameters
    ----------
    estimator : kohort's Dense, Keras or Conv regressor or classifier
        The estimator to train; it is not changed. Its pretraining and its callbacks are left out.
    X, y : array-like
        Features and targets, as the estimator's `fit` takes them.
    seeds : int, default=8
        Number of networks that are trained, >= 1.
    low, high : float, default=1e-6, 10.0
        First and last rate, 0 < low < high.
    steps : int or None, default=None
        Steps of the test, >= 50. None for 800, or for the number of steps of `fit` if that is
        smaller, but for at least 200.
    **fit_params : object
        Further arguments of `fit`.

    Returns
    -------
    RateFinding
        Its `learning_rate` is the suggestion, or None if the curves do not support one.

    Raises
    ------
    ParameterError
        If a parameter is out of range, the estimator is not kohort's or trains in Keras's own
        loop, or a schedule of the optimizer's own sets the rate.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> finding = kohort.find_learning_rate(kohort.DenseRegressor(width=32), X, y)
    >>> 1e-3 < finding.learning_rate < 1e-1
    True
    """
    check("seeds", seeds, Interval(1, np.inf, whole=True))
    check("steps", steps, optional(Interval(50, np.inf, whole=True)))
    check("high", high, _POSITIVE)
    check("low", low, Interval(0, high, "neither"))
    prepared = prepared_fit(bare(estimator), X, y, unheard(fit_params))
    if "batch_size" in prepared.automatic:
        prepared = prepared.with_batch_size(automatic_batch_size(prepared).batch_size)
    members = seeded_members(prepared, seeds, estimator._rate_parameter)
    rates = sweep(low, high, _steps(members[0]) if steps is None else steps)
    return finding(losses_of_sweep(members, rates), rates, estimator._rate_parameter)


def _steps(member: Member) -> int:
    """Steps of a test by default."""
    own = member.epochs * member.steps_per_epoch
    return min(_MOST_STEPS, max(_LEAST_STEPS, own))


def bare(estimator: Estimator, **settings: Any) -> Any:
    """A copy for members that are not trained as the estimator would be; nobody hears of them."""
    if isinstance(estimator, type) or not hasattr(estimator, "_rate_parameter"):
        requirement = "a kohort estimator, whose learning rate can be set"
        remedy = "Take it out of its pipeline, and give it X as the steps before it leave it."
        remedy = remedy if hasattr(estimator, "steps") else ""
        raise ParameterError(explain("estimator", requirement, estimator, remedy))
    copy = clone(estimator).set_params(random_state=0, **settings)
    names = {copy._rate_parameter, "optimizer__learning_rate"}
    params = copy.get_params(deep=False)
    asked = [name for name in names if is_auto(params.get(name))]
    copy.set_params(**dict.fromkeys(asked, DEFAULTS["learning_rate"]))
    return copy.set_params(callbacks=None) if "callbacks" in params else copy


def unheard(fit_params: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `fit` without callbacks."""
    return {**fit_params, "callbacks": None} if "callbacks" in fit_params else fit_params


def seeded_members(prepared: Prepared, seeds: int, parameter: str) -> list[Member]:
    """Members that fits with several seeds would train, all on the same rows.

    Raises
    ------
    ParameterError
        If a schedule of the optimizer's own sets the rate.
    """
    if prepared.rate is None:
        requirement = "a number here, not a schedule of the optimizer's own"
        remedy = f"Set {parameter}=0.001, or any other."
        raise ParameterError(explain(parameter, requirement, prepared.schedule, remedy))
    return prepared.seeded(range(seeds))


def automatic_rate(prepared: Prepared, parameter: str) -> RateFinding:
    """The learning rate that `"auto"` stands for; warns if none is found.

    Fits of one structure on the same rows share a test, which leaves out settings that hardly move
    the rate: dropout, noise, penalties, smoothing, and units fewer than the program's.
    """
    typical = prepared.typical()
    if typical.obstacle:
        requirement = "a number for fits in Keras's own loop"
        raise ParameterError(explain(parameter, requirement, "auto", "Use 0.001."))
    if typical.rate is None:  # The test takes the place of a schedule.
        typical = typical.with_rate(DEFAULTS["learning_rate"])
    first, *others = typical.seeded(range(_SEEDS))
    rates = sweep(_LOW, _HIGH, _steps(first))
    found = session().findings.get_or_build(
        content_of(swept(first, rates), 1),
        lambda: finding(losses_of_sweep([first, *others], rates), rates, parameter),
    )
    if found.learning_rate is None:
        warnings.warn(
            f"`{found.parameter}='auto'` keeps the default rate: {found.reason}",
            RateWarning,
            stacklevel=4,
        )
    return found

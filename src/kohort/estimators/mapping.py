"""`kohort.rate_batch_map`: validation loss over learning rate and batch size, from one cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kohort.engine.member import Member, Rows
from kohort.errors import DataError, ParameterError, explain
from kohort.estimators.preparation import split
from kohort.estimators.range_test import bare, seeded_members
from kohort.recipe.constraints import Constraint, Interval, check, sequence_of
from kohort.studies.rate_batch_map import RateBatchMap, measured

_COUNT = Interval(1, np.inf, whole=True)
_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
_SIZES = (8, 16, 32, 64, 128, 256)


def rate_batch_map(
    estimator: Any, X: Any, y: Any, *, rates: Sequence[float] = _RATES,
    batch_sizes: Sequence[int] = _SIZES, epochs: int = 10, seeds: int = 3,
    validation_fraction: float = 0.2, **fit_params: Any,
) -> RateBatchMap:  # fmt: skip
    """Train every pair of a learning rate and a batch size as one cohort, and map the losses.

    All cells see the same examples equally often and validate on the same rows. The optimizer is
    the estimator's: give `optimizer="sgd"` for a map free of momentum, on which the best rate of a
    small batch grows with the batch (Goyal et al. 2017, arXiv:1706.02677).

    Parameters
    ----------
    estimator : kohort's Dense, Keras or Conv regressor or classifier
    X, y
        As `fit` takes them.
    rates : sequence of float
        > 0. By default nine from 1e-4 to 1.
    batch_sizes : sequence of int
        >= 1; those above the number of training rows are left out. By default 8 to 256.
    epochs : int, default=10
        Of each fit, >= 1.
    seeds : int, default=3
        Fits of each cell.
    validation_fraction : float, default=0.2
        Share of the rows to validate on, in (0, 1), where `fit_params` has no validation data.
    **fit_params
        Further arguments of `fit`.

    Returns
    -------
    RateBatchMap

    Raises
    ------
    ParameterError, DataError
        As `find_learning_rate`, or if no batch size is left.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model, rates = kohort.DenseRegressor(width=16, optimizer="sgd"), [0.01, 0.1]
    >>> kohort.rate_batch_map(model, X, y, rates=rates, batch_sizes=[32, 64]).table.shape
    (4, 6)
    """
    _check(rates, batch_sizes, epochs, seeds, validation_fraction)
    copy = _copy(estimator, epochs)
    members = {
        size: _validated(_members(copy, size, X, y, fit_params, seeds), validation_fraction)
        for size in sorted(set(batch_sizes))
    }
    fitting = {size: found for size, found in members.items() if found[0].size >= size}
    if not fitting:
        requirement = "no larger than the number of training rows"
        raise DataError(explain("batch_sizes", requirement, list(batch_sizes)))
    return measured(fitting, sorted(set(rates)), estimator._rate_parameter)


def _copy(estimator: Any, epochs: int) -> Any:
    """A copy that trains for so many epochs, all of them."""
    copy = bare(estimator, epochs=epochs)
    return copy.set_params(early_stopping=False) if hasattr(copy, "early_stopping") else copy


def _check(rates: Any, batch_sizes: Any, epochs: Any, seeds: Any, validation_fraction: Any) -> None:
    _check_each("rates", rates, Interval(0, np.inf, "neither"))
    _check_each("batch_sizes", batch_sizes, _COUNT)
    check("epochs", epochs, _COUNT)
    check("seeds", seeds, _COUNT)
    check("validation_fraction", validation_fraction, Interval(0, 1, "neither"))


def _check_each(name: str, values: Any, constraint: Constraint) -> None:
    check(name, values, sequence_of(constraint))
    if len(values) == 0:
        raise ParameterError(explain(name, "a list that is not empty", values))


def _members(
    copy: Any, size: int, X: Any, y: Any, fit_params: dict[str, Any], seeds: int
) -> list[Member]:
    members = seeded_members(copy.set_params(batch_size=size), X, y, fit_params, seeds)
    found = members[0].recipe.batch_size
    if found != size:
        raise ParameterError(explain("fit__batch_size", "left out here", found))
    return members


def _validated(members: list[Member], fraction: float) -> list[Member]:
    """Members that validate: on the rows they have for it, or on the same share of all."""
    first = members[0]
    if first.validation is not None:
        return members
    train, held_out = split(len(first.rows.x), fraction, 0, None)
    weight = None if first.rows.weight is None else first.rows.weight[held_out]
    validation = Rows(first.rows.x[held_out], first.rows.y[held_out], weight)
    return [replace(member, train=train, validation=validation) for member in members]

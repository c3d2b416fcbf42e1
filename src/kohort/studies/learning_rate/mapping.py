"""`kohort.rate_batch_map`: validation loss over learning rate and batch size, from one cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kohort.arrays import Estimator, TableLike, TargetsLike
from kohort.data.splitting import split
from kohort.engine.member import Member, Rows
from kohort.errors import DataError, ParameterError, explain
from kohort.recipe.constraints import Constraint, Interval, check, sequence_of
from kohort.studies.learning_rate.range_test import bare, seeded_members, unheard
from kohort.studies.learning_rate.rate_batch_map import RateBatchMap, measured
from kohort.studies.prepared import Prepared, prepared_fit, refuse_own_batch_size

_COUNT = Interval(1, np.inf, whole=True)
_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
_SIZES = (8, 16, 32, 64, 128, 256)


def rate_batch_map(
    estimator: Estimator, X: TableLike, y: TargetsLike, *, rates: Sequence[float] = _RATES,
    batch_sizes: Sequence[int] = _SIZES, epochs: int = 10, seeds: int = 3,
    validation_fraction: float = 0.2, **fit_params: Any,
) -> RateBatchMap:  # fmt: skip
    """Train every pair of a learning rate and a batch size as one cohort, and map the losses.

    All cells see the same examples equally often and validate on the same rows. The optimizer is
    the estimator's: `"sgd"` gives a map free of momentum, on which the best rate grows with the
    batch size while that is small (Goyal et al. 2017, arXiv:1706.02677).

    Parameters
    ----------
    estimator, X, y : estimator, array-like, array-like
        As those of `find_learning_rate`. The estimator is not changed.
    rates : sequence of float
        Learning rates, > 0; by default nine from 1e-4 to 1.
    batch_sizes : sequence of int
        Rows of a batch, >= 1; by default 8 to 256. Those above the training rows are left out.
    epochs, seeds : int, default=10, 3
        Epochs of each fit, and fits of each cell, >= 1.
    validation_fraction : float, default=0.2
        Share of the rows to validate on, in (0, 1), unless the fit is given such rows.
    **fit_params : object
        Further arguments of `fit`.

    Returns
    -------
    RateBatchMap
        A `table` with the losses of each pair, and `best`, the pair of the lowest loss.

    Raises
    ------
    ParameterError, DataError
        As `find_learning_rate`, or if no batch size is left.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = kohort.DenseRegressor(width=16, optimizer="sgd")
    >>> found = kohort.rate_batch_map(model, X, y, rates=[0.01, 0.1], batch_sizes=[64], epochs=3)
    >>> found.best["batch_size"]
    64
    """
    _check_each("rates", rates, Interval(0, np.inf, "neither"))
    _check_each("batch_sizes", batch_sizes, _COUNT)
    check("epochs", epochs, _COUNT)
    check("seeds", seeds, _COUNT)
    check("validation_fraction", validation_fraction, Interval(0, 1, "neither"))
    prepared = _prepared(bare(estimator, epochs=epochs), X, y, unheard(fit_params))
    parameter, sizes = estimator._rate_parameter, sorted({int(size) for size in batch_sizes})
    seeded = {
        size: seeded_members(prepared.with_batch_size(size), seeds, parameter) for size in sizes
    }
    members = {size: _validated(seeded[size], validation_fraction) for size in sizes}
    return measured(_fitting(members), sorted(set(rates)), parameter)


def _prepared(
    copy: Estimator, X: TableLike, y: TargetsLike, fit_params: dict[str, Any]
) -> Prepared:
    """The fit of a copy, which ends at its last epoch."""
    if "early_stopping" in copy.get_params():
        copy.set_params(early_stopping=False)
    prepared = prepared_fit(copy, X, y, fit_params)
    refuse_own_batch_size(copy, prepared)
    return prepared


def _check_each(name: str, values: Any, constraint: Constraint) -> None:
    check(name, values, sequence_of(constraint))
    if len(values) == 0:
        raise ParameterError(explain(name, "a list that is not empty", values))


def _fitting(members: dict[int, list[Member]]) -> dict[int, list[Member]]:
    """Those whose batches are no larger than what they train on."""
    found = {size: own for size, own in members.items() if size <= own[0].size}
    if not found:
        requirement = "no larger than the number of training rows"
        raise DataError(explain("batch_sizes", requirement, list(members)))
    return found


def _validated(members: list[Member], fraction: float) -> list[Member]:
    """Members that validate: on the rows they have for it, or on the same share of all."""
    first = members[0]
    if first.validation is not None:
        return members
    train, held_out = split(len(first.rows.x), fraction, 0, None)
    weight = None if first.rows.weight is None else first.rows.weight[held_out]
    validation = Rows(first.rows.x[held_out], first.rows.y[held_out], weight)
    return [replace(member, train=train, validation=validation) for member in members]

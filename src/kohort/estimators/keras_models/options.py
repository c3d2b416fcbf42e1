"""The options of one call of a Keras estimator's `fit`."""

from __future__ import annotations

from typing import Any

from kohort.arrays import Estimator
from kohort.errors import ParameterError, explain
from kohort.estimators.keras_models.routing import arguments, further, refuse_unknown
from kohort.recipe.constraints import Interval, check, flag
from kohort.studies.prepared import or_auto

_COUNT = Interval(1, float("inf"), whole=True)
_TAKEN = frozenset({
    "epochs", "batch_size", "shuffle", "validation_split", "validation_data", "callbacks",
    "class_weight", "initial_epoch",
})  # fmt: skip
"""Arguments of `fit` that kohort itself acts on."""


def fit_options(estimator: Estimator, fit_params: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `fit`: the estimator's parameters, those with `fit__`, then the call's own.

    Raises
    ------
    ParameterError
        If one is out of its range, or no one would get a parameter.
    """
    refuse_unknown(estimator, further(estimator))
    names = (
        "epochs", "batch_size", "validation_split", "validation_batch_size", "shuffle", "verbose"
    )  # fmt: skip
    options: dict[str, Any] = {name: getattr(estimator, name) for name in names}
    options |= {**arguments(estimator, "fit"), **fit_params}
    if options["batch_size"] is None:
        options["batch_size"] = 32
    check("epochs", options["epochs"], _COUNT)
    if options["batch_size"] != -1:
        check("batch_size", options["batch_size"], or_auto(_COUNT))
    if options["validation_batch_size"] not in (None, -1):
        check("validation_batch_size", options["validation_batch_size"], _COUNT)
    check("diagnose", estimator.diagnose, flag())
    check("run_eagerly", estimator.run_eagerly, flag())
    check("validation_split", options["validation_split"], Interval(0, 1))
    return options


def further_options(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `fit` that are left to Keras's own."""
    return {
        name: value
        for name, value in options.items()
        if name not in _TAKEN and (value is not None or name != "validation_batch_size")
    }


def rows_before(share: float, rows: int) -> int:
    """Number of the rows that are trained on where a share of all, the last ones, is set aside.

    Raises
    ------
    ParameterError
        If the share leaves no row on one side.
    """
    count = int(rows * (1 - share))
    if share and not 0 < count < rows:
        requirement = f"a share of {rows} rows that leaves some on either side"
        raise ParameterError(explain("validation_split", requirement, share))
    return count

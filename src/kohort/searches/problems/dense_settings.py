"""Settings of a dense network on the command line, checked before anything large is imported."""

from __future__ import annotations

from dataclasses import fields

from kohort.data.tasks import REGRESSION
from kohort.errors import ParameterError, explain, suggest
from kohort.estimators.dense.parameters import MAY_BE_AUTO, DenseParameters
from kohort.recipe.constraints import check
from kohort.recipe.recipe import CONSTRAINTS
from kohort.recipe.synonyms import PARAMETERS

_RESERVED = ("random_state", "verbose")
_OF_CLASSES = ("class_weight",)


def check_dense_setting(task: str, name: str, value: object) -> None:
    """Refuse a setting that no dense network for a task has, or a value that it cannot take.

    Parameters
    ----------
    task : {"auto", "classification", "regression"}
        `"auto"` where it is not known yet.
    name : str
    value : object

    Raises
    ------
    ParameterError
    """
    known = [field.name for field in fields(DenseParameters) if field.name not in _RESERVED]
    known += () if task == REGRESSION else _OF_CLASSES
    if name not in known:
        remedy = suggest(name, known, PARAMETERS)
        if name in _RESERVED:
            remedy = "Use --seed." if name == "random_state" else "It cannot be set here."
        noun = "table" if task == "auto" else task
        raise ParameterError(explain("parameter", f"one of a {noun}'s network", name, remedy))
    # The classes' number decides which losses fit, so the estimator checks that one.
    if name in CONSTRAINTS and name != "loss":
        check(name, value, MAY_BE_AUTO.get(name, CONSTRAINTS[name]))

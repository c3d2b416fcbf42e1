"""Learning-rate schedules, one file each; a file that is put here is found by itself."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.errors import ParameterError, explain
from kohort.recipe.schedules.base import Clock, Schedule, Steps, Values

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe

SCHEDULES: dict[str, Schedule] = {
    schedule.name: schedule
    for module in iter_modules(__path__, f"{__name__}.")
    for schedule in vars(import_module(module.name)).values()
    if isinstance(schedule, Schedule)
}
"""Every schedule by its name in a recipe."""


def rates(recipe: Recipe, steps: Steps, steps_per_epoch: int) -> Values:
    """Learning rate at each of a member's own steps.

    Parameters
    ----------
    recipe : Recipe
    steps : numpy.ndarray of int, shape (step,)
        Step numbers, counted from 0 over the whole training.
    steps_per_epoch : int

    Returns
    -------
    numpy.ndarray of float64, shape (step,)
    """
    rate = float(recipe.learning_rate)
    result = np.full(steps.shape, rate)
    shape = SCHEDULES[recipe.schedule].rate
    if shape is not None:
        result *= shape(recipe, _clock(recipe, steps, steps_per_epoch))
    if warmup := warmup_steps(recipe, steps_per_epoch):
        start = float(recipe.warmup_start)
        rising = rate * (start + (1 - start) * steps / warmup)
        result = np.where(steps < warmup, rising, result)
    return result


def momenta(recipe: Recipe, steps: Steps, steps_per_epoch: int) -> Values | None:
    """Momentum at each step where the schedule cycles it against the rate; else None.

    Parameters and shapes are those of `rates`.
    """
    shape = SCHEDULES[recipe.schedule].momentum
    return None if shape is None else shape(recipe, _clock(recipe, steps, steps_per_epoch))


def warmup_steps(recipe: Recipe, steps_per_epoch: int) -> int:
    """Number of steps in which the rate warms up."""
    epochs = recipe.warmup * recipe.epochs if recipe.warmup < 1 else recipe.warmup
    return round(epochs * steps_per_epoch)


def _clock(recipe: Recipe, steps: Steps, steps_per_epoch: int) -> Clock:
    warmup = warmup_steps(recipe, steps_per_epoch)
    since = np.maximum(steps - warmup, 0).astype(np.float64)
    return Clock(since, recipe.epochs * steps_per_epoch - warmup, steps_per_epoch)


def check_schedule(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Refuse parameters of a schedule that contradict each other.

    Parameters
    ----------
    fields : mapping
        All fields of a recipe.
    defaults : mapping
        The value of each that asks for nothing.

    Raises
    ------
    ParameterError
    """
    schedule = SCHEDULES[fields["schedule"]]
    for name in sorted({name for s in SCHEDULES.values() for name in s.options}):
        if name not in schedule.options and not _asks_for_nothing(fields[name]):
            owners = " or ".join(repr(s.name) for s in SCHEDULES.values() if name in s.options)
            requirement = f"{defaults[name]} with schedule={schedule.name!r}"
            raise ParameterError(explain(name, requirement, fields[name], f"Use {owners}."))
    warmup, epochs = fields["warmup"], fields["epochs"]
    if warmup >= epochs:
        remedy = "Give a share of the training below 1, or fewer epochs."
        raise ParameterError(explain("warmup", f"shorter than epochs={epochs}", warmup, remedy))
    schedule.check(fields)


def _asks_for_nothing(value: object) -> bool:
    """Whether an option is left as it is where no schedule has it: None or False."""
    return value is None or (not hasattr(value, "__len__") and not value)

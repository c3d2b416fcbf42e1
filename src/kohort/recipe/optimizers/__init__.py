"""Keras's optimizers, one file each; a file that is put here is found by itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from kohort.deferred import optax
from kohort.recipe.optimizers import base
from kohort.recipe.optimizers.base import NUMBERS_WITH_DEFAULT, Optimizer, Uses

OPTIMIZERS: dict[str, Optimizer] = {
    optimizer.name: optimizer
    for module in iter_modules(__path__, f"{__name__}.")
    for optimizer in vars(import_module(module.name)).values()
    if isinstance(optimizer, Optimizer)
}
"""Every optimizer by its name in a recipe."""

RULES = {optimizer.family: optimizer.rule for optimizer in OPTIMIZERS.values()}
"""The maker of the update rule of each family."""


def transformation(family: str, uses: Uses) -> optax.GradientTransformationExtraArgs:
    """The transformation of an optimizer family; see `base.transformation`."""
    return base.transformation(RULES[family](uses), uses)


__all__ = ["NUMBERS_WITH_DEFAULT", "OPTIMIZERS", "RULES", "Optimizer", "transformation"]

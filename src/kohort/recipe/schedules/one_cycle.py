"""The 1cycle policy: the rate rises and falls once, and momentum moves against it.

References: Smith 2018 (arXiv:1803.09820); PyTorch's `OneCycleLR` with two phases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.errors import ParameterError, explain
from kohort.recipe.schedules.base import Clock, Schedule, Values, falling_cosine

if TYPE_CHECKING:
    from kohort.recipe.recipe import Recipe


def rate(recipe: Recipe, clock: Clock) -> Values:
    """From 1 / div_factor up to 1 and down to 1 / (div_factor * final_div_factor)."""
    first = 1 / recipe.div_factor
    return _two_slopes(recipe, clock, (first, 1.0, first / recipe.final_div_factor))


def momentum(recipe: Recipe, clock: Clock) -> Values:
    """From max_momentum down to base_momentum and up again."""
    high, low = float(recipe.max_momentum), float(recipe.base_momentum)
    return _two_slopes(recipe, clock, (high, low, high))


def _two_slopes(recipe: Recipe, clock: Clock, levels: tuple[float, float, float]) -> Values:
    """From the first level to the second in `pct_start` of the steps, then to the third."""
    last = max(clock.total - 1, 1)
    middle = float(recipe.pct_start) * clock.total - 1
    first, second, third = levels
    up = np.clip(clock.steps / middle, 0, 1) if middle > 0 else np.ones_like(clock.steps)
    down = np.clip((clock.steps - middle) / (last - middle), 0, 1)
    rising, falling = (
        (done if recipe.anneal == "linear" else 1 - falling_cosine(done)) for done in (up, down)
    )
    rises = clock.steps <= middle
    return np.where(rises, first + (second - first) * rising, second + (third - second) * falling)


def check(fields: Mapping[str, Any]) -> None:
    """Refuse a least momentum above the largest."""
    low, high = fields["base_momentum"], fields["max_momentum"]
    if low > high:
        raise ParameterError(explain("base_momentum", f"at most max_momentum={high:g}", low))


ONE_CYCLE = Schedule("1cycle", rate, momentum, check=check)

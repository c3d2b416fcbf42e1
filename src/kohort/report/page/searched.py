"""The searched parameters as numbers: on an axis, for a forest, for a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.deferred import pd
from kohort.report.leaderboard import searched_parameters, values_of

_WIDE = 50.0
"""Positive numbers whose largest is this many times the smallest go on a logarithmic axis."""


@dataclass(frozen=True)
class Parameter:
    """One searched parameter of all candidates.

    Attributes
    ----------
    name : str
    values : list
        One per candidate, in the leaderboard's order: numbers, or texts for choices.
    numeric : bool
        Whether the values are numbers without gaps.
    log : bool
        Whether the logarithm of the numbers is what matters.
    """

    name: str
    values: list[Any]
    numeric: bool
    log: bool

    @property
    def varies(self) -> bool:
        """Whether it tells any candidates apart."""
        return len(set(self.values)) > 1

    @property
    def choices(self) -> list[Any]:
        """The different values, in order."""
        return sorted(set(self.values))

    @property
    def places(self) -> NDArray[np.float64]:
        """The values on an axis: logarithms, numbers, or positions among the choices."""
        if not self.numeric:
            order = {choice: place for place, choice in enumerate(self.choices)}
            return np.array([order[value] for value in self.values], float)
        numbers = np.asarray(self.values, float)
        return np.log10(numbers) if self.log else numbers

    def value_at(self, place: float) -> Any:
        """The value at a place on the axis."""
        if not self.numeric:
            return self.choices[round(place)]
        return 10**place if self.log else place


def parameters_of(board: pd.DataFrame, space: Mapping[str, Any]) -> list[Parameter]:
    """The searched parameters of a leaderboard; a space that says `log` is believed."""
    return [_parameter(board, name, space.get(name)) for name in searched_parameters(board)]


def _parameter(board: pd.DataFrame, name: str, choices: Any) -> Parameter:
    column = board[name]
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not is_number or column.isna().any() or not np.isfinite(column).all():
        words = ["none" if v is None else str(v) for v in values_of(board, name)]
        return Parameter(name, words, numeric=False, log=False)
    values = column.tolist()
    low, high = min(values), max(values)
    log = bool(choices.get("log")) if isinstance(choices, Mapping) else high > _WIDE * low
    return Parameter(name, values, numeric=True, log=log and low > 0)

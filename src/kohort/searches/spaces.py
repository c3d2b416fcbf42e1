"""Search spaces: the default, those in TOML files, and single settings."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.utils import check_random_state

from kohort.arrays import RandomStateLike
from kohort.errors import ParameterError, explain, suggest
from kohort.searches.space_files import check_method, setting_values, space_entries

Space = dict[str, Any]

_RANGE_KEYS = ("low", "high", "log", "int")


@dataclass(frozen=True)
class LogWholeNumbers:
    """Whole numbers in [low, high] whose logarithm is uniform; a distribution for scikit-learn.

    Examples
    --------
    >>> 8 <= LogWholeNumbers(8, 256).rvs(random_state=0) <= 256
    True
    """

    low: int
    high: int

    def rvs(self, random_state: RandomStateLike = None) -> int:
        """Draw one number."""
        generator = check_random_state(random_state)
        drawn = generator.uniform(math.log(self.low), math.log(self.high + 1))
        return min(self.high, max(self.low, math.floor(math.exp(drawn))))


class NetworkParameters(Protocol):
    """The parameters of a problem's network that may be set and searched."""

    def space(self, method: str) -> Space:
        """The space that a method searches by default."""
        ...

    def check(self, name: str, value: object) -> None:
        """Raise `ParameterError` unless the network has the parameter and it takes the value."""
        ...


def default_space(
    method: str, parameters: NetworkParameters, settled: Collection[str] = ()
) -> Space:
    """The space that is searched when no file is given.

    Parameters
    ----------
    method : {"random", "grid", "adaptive"}
    parameters : NetworkParameters
        Of the problem.
    settled : collection of str, default=()
        Parameters that are left out, as they are set.

    Returns
    -------
    dict
        From parameter to a list of choices or, but for `"grid"`, a distribution. Covers depth,
        width, activation, optimizer, learning rate, dropout, weight decay and, but for a grid or a
        large table, bins; for images depth, width, learning rate, dropout and augmentation.
    """
    check_method(method)
    space = parameters.space(method)
    return {name: choices for name, choices in space.items() if name not in settled}


def read_space(path: str | Path, parameters: NetworkParameters, method: str = "random") -> Space:
    """Read a search space from a TOML file.

    Each line gives a parameter of the estimator a value, a list of choices, or a range
    `{low = 1e-4, high = 1e-2, log = true, int = false}`; both ends belong to a range of whole
    numbers.

    Parameters
    ----------
    path : str or path
    parameters : NetworkParameters
        Of the problem.
    method : {"random", "grid", "adaptive"}, default="random"
        A grid takes choices only.

    Returns
    -------
    dict
        From parameter to a list of choices or a distribution.

    Raises
    ------
    DataError
        If the file cannot be read or is not TOML.
    ParameterError
        If it names an unknown parameter, or a value that the parameter cannot take.
    """
    check_method(method)
    entries = space_entries(path)
    space = {name: _choices(name, entry, parameters) for name, entry in entries.items()}
    ranges = [name for name, choices in space.items() if not isinstance(choices, list)]
    if method == "grid" and ranges:
        raise ParameterError(
            explain(
                f"space: {ranges[0]}",
                "a list of choices when method is 'grid'",
                entries[ranges[0]],
                "List the values, or use --method random.",
            )
        )
    return space


def read_settings(settings: Sequence[str], parameters: NetworkParameters) -> dict[str, Any]:
    """Read `NAME=VALUE` settings of a network.

    Parameters
    ----------
    settings : sequence of str
        VALUE as in TOML; `none` is None, and a bare word is text.
    parameters : NetworkParameters
        Of the problem.

    Raises
    ------
    ParameterError
        If a setting has no `=`, or names an unknown parameter or a value that it cannot take.

    Examples
    --------
    >>> from kohort.searches.problems.table_settings import TableParameters
    >>> read_settings(["width=64", "activation=silu"], TableParameters("regression"))
    {'width': 64, 'activation': 'silu'}
    """
    values = setting_values(settings)
    for name, value in values.items():
        parameters.check(name, value)
    return values


def _choices(name: str, entry: Any, parameters: NetworkParameters) -> Any:
    if isinstance(entry, Mapping):
        low, high = _range(name, entry)
        for end in (low, high):
            parameters.check(name, end)
        return _distribution(low, high, bool(entry.get("log")), bool(entry.get("int")))
    choices = entry if isinstance(entry, list) else [entry]
    if not choices:
        raise ParameterError(explain(f"space: {name}", "a list with choices", entry))
    for choice in choices:
        parameters.check(name, choice)
    return choices


def _range(name: str, entry: Mapping[str, Any]) -> tuple[Any, Any]:
    unknown = [key for key in entry if key not in _RANGE_KEYS]
    label = f"space: {name}"
    if unknown:
        remedy = suggest(unknown[0], _RANGE_KEYS)
        raise ParameterError(
            explain(label, "a range of low, high, log and int", unknown[0], remedy)
        )
    kind = int if entry.get("int") else (int, float)
    low, high = entry.get("low"), entry.get("high")
    flags = all(isinstance(entry.get(key, False), bool) for key in ("log", "int"))
    numbers = all(isinstance(end, kind) and not isinstance(end, bool) for end in (low, high))
    if not (flags and numbers and low < high and (low > 0 or not entry.get("log"))):  # type: ignore[operator]
        noun = "whole numbers" if entry.get("int") else "numbers"
        least = " > 0" if entry.get("log") else ""
        raise ParameterError(
            explain(label, f"a range of {noun}{least} with low < high", dict(entry))
        )
    return low, high


def _distribution(low: Any, high: Any, log: bool, whole: bool) -> Any:
    if whole:
        return LogWholeNumbers(low, high) if log else randint(low, high + 1)
    return loguniform(low, high) if log else uniform(low, high - low)


def describe_space(space: Space) -> dict[str, Any]:
    """The space as plain values for a JSON file."""
    return {name: _described(choices) for name, choices in space.items()}


def _described(choices: Any) -> Any:
    if isinstance(choices, list):
        return choices
    if isinstance(choices, LogWholeNumbers):
        return {"low": choices.low, "high": choices.high, "log": True, "int": True}
    low, high = (np.asarray(end).item() for end in choices.support())
    name = choices.dist.name
    described = {"low": low, "high": high}
    if name == "loguniform":
        described["log"] = True
    if name == "randint":
        described["int"] = True
    return described

"""Constraints of parameters: small values that check one value and describe themselves."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol

from kohort.errors import ParameterError, explain, hint
from kohort.recipe.synonyms import VALUES


class Constraint(Protocol):
    """Something that accepts or refuses a value and can say what it accepts."""

    def accepts(self, value: object) -> bool:
        """Whether `value` is allowed."""
        ...

    def describe(self) -> str:
        """The allowed values, to follow the words "must be"."""
        ...

    def remedy(self, value: object) -> str:
        """A sentence with a value to write in place of a refused one; "" if none can be guessed."""
        return ""


@dataclass(frozen=True)
class Interval(Constraint):
    """A real or whole number between two ends; `closed` names the ends that belong to it."""

    low: float
    high: float
    closed: str = "left"
    whole: bool = False

    def accepts(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, Integral if self.whole else Real):
            return False
        try:
            number = float(value)
        except OverflowError:
            return False
        if math.isnan(number):
            return False
        above = number >= self.low if self.closed in ("left", "both") else number > self.low
        below = number <= self.high if self.closed in ("right", "both") else number < self.high
        return above and below

    def describe(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if math.isinf(self.high):
            inclusive = self.closed in ("left", "both")
            return f"{kind} {'>=' if inclusive else '>'} {self._written(self.low)}"
        left = "[" if self.closed in ("left", "both") else "("
        right = "]" if self.closed in ("right", "both") else ")"
        return f"{kind} in {left}{self._written(self.low)}, {self._written(self.high)}{right}"

    def _written(self, bound: float) -> str:
        return f"{bound:.0f}" if self.whole else f"{bound:g}"


@dataclass(frozen=True)
class OneOf(Constraint):
    """One of a closed list of names."""

    names: Collection[str]

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value in self.names

    def describe(self) -> str:
        names = ", ".join(repr(name) for name in sorted(self.names))
        return names if len(self.names) == 1 else f"one of {names}"

    def remedy(self, value: object) -> str:
        return hint(value, self.names, VALUES) if isinstance(value, str) else ""


@dataclass(frozen=True)
class Exactly(Constraint):
    """One particular value, such as None or True."""

    value: Any

    def accepts(self, value: object) -> bool:
        return value is self.value

    def describe(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Satisfies(Constraint):
    """A value that a function accepts."""

    function: Callable[[Any], bool]
    description: str

    def accepts(self, value: object) -> bool:
        return bool(self.function(value))

    def describe(self) -> str:
        return self.description


@dataclass(frozen=True)
class AnyOf(Constraint):
    """A value that at least one of several constraints accepts."""

    options: tuple[Constraint, ...]

    def accepts(self, value: object) -> bool:
        return any(option.accepts(value) for option in self.options)

    def describe(self) -> str:
        return " or ".join(option.describe() for option in self.options)

    def remedy(self, value: object) -> str:
        return next(filter(None, (option.remedy(value) for option in self.options)), "")


def flag() -> Constraint:
    """True or False (Python's or NumPy's)."""
    return Satisfies(
        lambda value: type(value).__name__ in ("bool", "bool_"),
        "True or False",
    )


def optional(constraint: Constraint) -> Constraint:
    """The same, or None."""
    return AnyOf((constraint, Exactly(None)))


def sequence_of(constraint: Constraint) -> Constraint:
    """A list or tuple whose every item the constraint accepts."""

    def accepts(value: object) -> bool:
        items = value.tolist() if hasattr(value, "tolist") else value
        return isinstance(items, list | tuple) and all(constraint.accepts(item) for item in items)

    return Satisfies(accepts, f"a list of which each item is {constraint.describe()}")


def path_like() -> Constraint:
    """The path of a file, as text or a `pathlib.Path`."""
    return Satisfies(
        lambda value: isinstance(value, str | os.PathLike),
        "the path of a file, as text or a Path",
    )


def check(name: str, value: object, constraint: Constraint, remedy: str = "") -> None:
    """Raise `ParameterError` unless the constraint accepts the value."""
    if not constraint.accepts(value):
        raise ParameterError(
            explain(name, constraint.describe(), value, remedy or constraint.remedy(value))
        )

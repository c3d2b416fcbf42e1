"""Parts of a claim: comparisons whose rule stands before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from kohort.engine.member import Floats
from kohort.errors import DataError
from kohort.lab.outcomes import Outcomes
from kohort.lab.words import Words

YES, NO, OPEN = "yes", "no", "open"


@dataclass(frozen=True)
class Part:
    """One comparison of a claim: a side against another, at one condition, on every table.

    Attributes
    ----------
    when
        The comparison in words, which finish the sentence "held when ...".
    measure, side, against
        Which outcomes are compared; lower values are better.
    at, against_at
        Conditions of the two sides; `against_at` None for the same.
    asks
        "better": `side` has lower values; "no worse": it is not worse by more than `margin`.
    by
        "ratio": effects are logarithms of value / other value; "difference": value - other value.
    margin
        Smallest effect that matters, >= 0, as a share (ratio) or in the measure's unit.
    tables
        Names of the tables that it speaks of; None for all.
    """

    when: Words
    measure: str
    side: str
    against: str
    at: str | float = ""
    against_at: str | float | None = None
    asks: Literal["better", "no worse"] = "better"
    by: Literal["ratio", "difference"] = "ratio"
    margin: float = 0.0
    tables: tuple[str, ...] | None = None

    def effects(self, outcomes: Outcomes, table: str) -> Floats:
        """Effect of each seed on one table, shape (seed,); negative is better.

        Raises
        ------
        DataError
            If a side was not measured there, or the sides have different seeds.
        """
        other_at = self.at if self.against_at is None else self.against_at
        own = outcomes.values(self.measure, table, self.side, self.at)
        other = outcomes.values(self.measure, table, self.against, other_at)
        if not len(own) or len(own) != len(other):
            raise DataError(
                f"measure={self.measure!r} of {self.side!r} against {self.against!r} at "
                f"{self.at!r} on {table!r} has {len(own)} and {len(other)} values. Measure both."
            )
        if self.by == "difference":
            return own - other
        least = np.finfo(np.float64).tiny
        return np.log(np.maximum(own, least)) - np.log(np.maximum(other, least))

    @property
    def limit(self) -> float:
        """The margin on the scale of the effects; a ratio's is a factor of 1 + margin."""
        return float(np.log1p(self.margin)) if self.by == "ratio" else self.margin


class Answer(NamedTuple):
    """The answer of a part's rule for one table.

    Attributes
    ----------
    table
    effect, low, high
        Mean over seeds and its 95 % interval (Student's t), on the scale of `Part.effects`.
    answer
        "yes", "no" or "open".
    """

    table: str
    effect: float
    low: float
    high: float
    answer: str


class Answers(NamedTuple):
    """The answers of a part's rule for every table, and the effect over all of them.

    `effect`, `low` and `high` are the mean over tables and its 95 % interval by Student's t: two
    tables say little of others, and the interval says so.
    """

    part: Part
    by_table: tuple[Answer, ...]
    effect: float
    low: float
    high: float

    @property
    def answer(self) -> str:
        """The answer of all tables: yes, no or open; "mixed" if they differ and one says yes."""
        found = {answer.answer for answer in self.by_table}
        if len(found) == 1:
            return found.pop()
        return "mixed" if YES in found else OPEN


def interval(effects: Floats) -> tuple[float, float, float]:
    """Mean and its 95 % interval by Student's t.

    Examples
    --------
    >>> [round(float(value), 3) for value in interval(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    mean = float(effects.mean())
    if len(effects) < 2:
        return mean, -np.inf, np.inf
    error = float(effects.std(ddof=1)) / np.sqrt(len(effects))
    reach = float(stats.t.ppf(0.975, len(effects) - 1)) * error
    return mean, mean - reach, mean + reach


def decide(part: Part, effects: Floats, table: str) -> Answer:
    """The answer of one table by the part's rule.

    "better" is answered with yes if the interval lies below 0 and the mean at or below -margin,
    with no if the interval lies above -margin (or above 0, where the margin is 0). "no worse" is
    answered with yes if the interval lies below the margin, with no if it lies above 0 and the mean
    above the margin. Anything else is open.

    Examples
    --------
    >>> part = Part(Words("a", "a"), "error", "huber", "mse", by="difference")
    >>> decide(part, np.array([-1.0, -1.1, -0.9]), "digits").answer
    'yes'
    """
    mean, low, high = interval(effects)
    if part.asks == "better":
        yes = high < 0 and mean <= -part.limit
        no = low > -part.limit
    else:
        yes = high < part.limit
        no = low > 0 and mean > part.limit
    return Answer(table, mean, low, high, YES if yes else NO if no else OPEN)


def answered(part: Part, outcomes: Outcomes) -> Answers:
    """The answers of every table of a part, and its effect over all."""
    tables = part.tables or tuple(outcomes.tables(part.measure))
    effects = {table: part.effects(outcomes, table) for table in tables}
    by_table = tuple(decide(part, found, table) for table, found in effects.items())
    means = np.array([one.effect for one in by_table])
    return Answers(part, by_table, *interval(means))

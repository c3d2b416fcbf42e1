"""Outcomes: the numbers of an experiment, one for each table, condition, side and seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from kohort.engine.member import Floats

POOLED = "all tables"


class Outcome(NamedTuple):
    """One measured number.

    Attributes
    ----------
    measure
        Name of the measured quantity, such as "error" or "seconds".
    table
        Name of the data.
    at
        The condition, such as "10 % outliers" or a depth; "" where there is one alone.
    side
        Which of the compared settings, such as "huber".
    seed
        Number of the repetition; sides that share it share rows and initial weights' seed.
    value
    """

    measure: str
    table: str
    at: str | float
    side: str
    seed: int
    value: float


class Outcomes:
    """All outcomes of an experiment, found by what they are of."""

    def __init__(self, outcomes: Iterable[Outcome] = ()) -> None:
        self._all = list(outcomes)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __add__(self, other: Outcomes) -> Outcomes:
        return Outcomes([*self._all, *other._all])

    def values(self, measure: str, table: str, side: str, at: str | float = "") -> Floats:
        """Values by seed, shape (seed,); an empty array if there are none."""
        found = [
            (outcome.seed, outcome.value)
            for outcome in self._all
            if outcome[:4] == (measure, table, at, side)
        ]
        return np.array([value for _, value in sorted(found)], np.float64)

    def tables(self, measure: str) -> list[str]:
        """Names of the tables with such a measure, in the order of the experiment."""
        return list(dict.fromkeys(o.table for o in self._all if o.measure == measure))

    def sides(self, measure: str) -> list[str]:
        """Names of the sides that have a measure, in the order of the experiment."""
        return list(dict.fromkeys(o.side for o in self._all if o.measure == measure))

    def conditions(self, measure: str, side: str | None = None) -> list[str | float]:
        """Conditions of a measure (of one side, if given), in the order of the experiment."""
        return list(
            dict.fromkeys(
                o.at for o in self._all if o.measure == measure and side in (None, o.side)
            )
        )

    def differences(
        self, measure: str, side: str, against: str, conditions: dict[str, str | float], name: str
    ) -> Outcomes:
        """The effect of a side at several conditions, as outcomes of a measure of their own.

        Parameters
        ----------
        measure, side, against : str
            The effect is the value of `side` minus that of `against`, by seed.
        conditions : dict of str to str or float
            A condition for each name that becomes a side.
        name : str
            Name of the new measure.
        """
        return Outcomes(
            Outcome(name, table, "", label, seed, float(value))
            for table in self.tables(measure)
            for label, at in conditions.items()
            for seed, value in enumerate(
                self.values(measure, table, side, at) - self.values(measure, table, against, at)
            )
        )

    def pooled(self, measure: str) -> Outcomes:
        """Means over all tables by side, condition and seed, as those of a table `POOLED`."""
        found: dict[tuple[str | float, str, int], list[float]] = {}
        for one in self._all:
            if one.measure == measure:
                found.setdefault((one.at, one.side, one.seed), []).append(one.value)
        return Outcomes(
            Outcome(measure, POOLED, *key, float(np.mean(values))) for key, values in found.items()
        )

    def columns(self) -> dict[str, list[str | float]]:
        """A list for each field of `Outcome`, as JSON keeps them."""
        rows = [outcome._replace(value=float(f"{outcome.value:.6g}")) for outcome in self._all]
        return {name: [getattr(row, name) for row in rows] for name in Outcome._fields}

    @classmethod
    def of_columns(cls, columns: dict[str, list[str | float]]) -> Outcomes:
        """Read the lists that `columns` wrote."""
        lists = [columns[name] for name in Outcome._fields]
        return cls(Outcome(*row) for row in zip(*lists, strict=True))

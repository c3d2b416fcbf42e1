"""Search spaces of scikit-learn's kind in Optuna's terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kohort.arrays import Found, RandomStateLike
from kohort.errors import ParameterError, explain
from kohort.searches.spaces import LogWholeNumbers

_PLAIN = (bool, int, float, str, type(None))


class Drawn(Protocol):
    """A distribution of scikit-learn's kind."""

    def rvs(self, random_state: RandomStateLike = None) -> Any:
        """Draw one value."""
        ...


@dataclass(frozen=True)
class Dimension:
    """One parameter of a space.

    Attributes
    ----------
    distribution : optuna.distributions.BaseDistribution or None
        None for one that Optuna does not have: then `drawn` gives values, whatever the scores.
    choices : sequence or None
        Values for the distribution's whole numbers, if Optuna cannot hold the values themselves.
    drawn : distribution or None
    """

    distribution: Any = None
    choices: Sequence[Any] | None = None
    drawn: Drawn | None = None

    def value(self, suggested: Found) -> Found:
        """The parameter's value for a suggestion of Optuna's."""
        return suggested if self.choices is None else self.choices[suggested]


def dimension(name: str, given: Found) -> Dimension:
    """A parameter's list of choices or distribution as Optuna has it.

    Lists become categories; `uniform`, `loguniform` and `randint` of SciPy and kohort's own whole
    numbers on a log scale become ranges.

    Parameters
    ----------
    name : str
    given : list, or distribution with `rvs`

    Raises
    ------
    ParameterError
        If it is neither.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> dimension("learning_rate", loguniform(1e-4, 1e-2)).distribution
    FloatDistribution(high=0.01, log=True, low=0.0001, step=None)
    >>> dimension("width", [(16,), (32,)]).value(1)
    (32,)
    """
    from optuna.distributions import IntDistribution

    if isinstance(given, LogWholeNumbers):
        return Dimension(IntDistribution(given.low, given.high, log=True))
    if hasattr(given, "rvs"):
        return _of_scipy(given)
    if isinstance(given, Iterable) and not isinstance(given, str) and len(list(given)):
        return _of_choices(list(given))
    raise ParameterError(
        explain(f"param_distributions: {name}", "a list of choices or a distribution", given)
    )


def _of_scipy(given: Found) -> Dimension:
    from optuna.distributions import FloatDistribution, IntDistribution

    kind = getattr(getattr(given, "dist", None), "name", None)
    if kind not in ("uniform", "loguniform", "reciprocal", "randint"):
        return Dimension(drawn=given)
    low, high = (np.asarray(end).item() for end in given.support())
    if kind == "randint":
        return Dimension(IntDistribution(int(low), int(high)))
    if kind == "uniform":
        return Dimension(FloatDistribution(low, high))
    shifted = low <= 0 or not np.isclose(float(given.median()) ** 2, low * high)
    return Dimension(drawn=given) if shifted else Dimension(FloatDistribution(low, high, log=True))


def _of_choices(choices: list[Any]) -> Dimension:
    from optuna.distributions import CategoricalDistribution

    plain = all(type(choice) in _PLAIN for choice in choices)
    if plain and len(set(choices)) == len(choices):
        return Dimension(CategoricalDistribution(choices))
    return Dimension(CategoricalDistribution(range(len(choices))), choices)

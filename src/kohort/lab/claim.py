"""Claims: sentences of textbooks, each with the experiment that tests it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from kohort.errors import ParameterError, explain
from kohort.lab import claims as _folder
from kohort.lab.bench import Bench
from kohort.lab.outcomes import Outcomes
from kohort.lab.part import Part
from kohort.lab.words import NOTHING, Language, Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Claim:
    """A claim and its experiment.

    Attributes
    ----------
    number, name
        Its place in the list, from 1; its name on the command line.
    title
    says
        The claim in plain words.
    design
        The quantities varied and held, and how each side's learning rate is tuned.
    parts
        The comparisons that decide, fixed before anything is measured.
    measure
        Runs the experiment.
    draw
        Draws its outcomes into a figure, in a language.
    papers
        Where the claim stands.
    parameters
        Hyperparameters of kohort that it is about.
    size
        Width and height of the picture, in inches.
    remark
        Explanation of the verdict, such as why it contradicts the textbook; shown below it.

    Examples
    --------
    >>> from kohort import lab
    >>> lab.claims()["warm-up"].title.en
    'Warm-up'
    """

    number: int
    name: str
    title: Words
    says: Words
    design: Words
    parts: tuple[Part, ...]
    measure: Callable[[Bench], Outcomes]
    draw: Callable[[Figure, Outcomes, Language], None]
    papers: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    size: tuple[float, float] = (7.2, 3.3)
    remark: Words = NOTHING


@cache
def claims() -> dict[str, Claim]:
    """All claims by name, in the order of their numbers: the `CLAIM` of each file in `claims/`.

    Returns
    -------
    dict from str to Claim

    Examples
    --------
    >>> from kohort import lab
    >>> "warm-up" in lab.claims()
    True
    """
    names = sorted(module.name for module in pkgutil.iter_modules(_folder.__path__))
    modules = [importlib.import_module(f"{_folder.__name__}.{name}") for name in names]
    found: list[Claim] = sorted((m.CLAIM for m in modules), key=lambda claim: claim.number)
    return {claim.name: claim for claim in found}


def claim_of(name: str) -> Claim:
    """The claim of a name.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if name not in claims():
        raise ParameterError(explain("name", f"one of {', '.join(claims())}", name))
    return claims()[name]

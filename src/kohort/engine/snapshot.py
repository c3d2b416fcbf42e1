"""A snapshot: a member between two epochs, as a value from which its training goes on."""

from __future__ import annotations

from dataclasses import dataclass

from kohort.arrays import Floats
from kohort.engine.structure import Structure
from kohort.recipe.pacing import Pacer


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that the rest of a training depends on, beside the member itself.

    The order of rows and all noise follow from the member's seed and the number of the step, so
    that they go on where they were.

    Attributes
    ----------
    structure : Structure
        Structure of the program that trained it; says how its rows of numbers lie.
    params, state : array, shape (size,)
        Its variables at compiled width; state of its optimizer, averages included.
    best_row : array, shape (size,), or None
        The variables of its best epoch, where it may stop early.
    history : dict of list
        Logs of the epochs so far.
    epoch, best_epoch : int
        Epoch that comes next; index of the best so far.
    best : float
        The monitored loss of the best epoch; NaN before there is one.
    wait : int
        Epochs since the best.
    pacer : Pacer
        Decisions of schedules and callbacks so far.
    """

    structure: Structure
    params: Floats
    state: Floats
    best_row: Floats | None
    history: dict[str, list[float]]
    epoch: int
    best_epoch: int
    best: float
    wait: int
    pacer: Pacer

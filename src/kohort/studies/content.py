"""The key of all that the training of a member depends on."""

from __future__ import annotations

from kohort.engine.content import digest_of
from kohort.engine.member import Member
from kohort.engine.plan import structure_of


def content_of(member: Member, steps: int) -> tuple[object, ...]:
    """A key that members share whose first steps go alike: same program, numbers, pace and rows.

    Rows count by what is in them, never by their shape alone.

    Parameters
    ----------
    member : Member
    steps : int
        How many steps of its pace count, >= 1.
    """
    drawn = member.initial if callable(member.initial) else None
    arrays = [] if callable(member.initial) else member.initial
    pace = member.pace.start().numbers(0, steps, member.steps_per_epoch)
    course = (pace.tobytes(), member.epochs * member.steps_per_epoch, member.shuffled)
    rows, chosen = member.rows, slice(None) if member.train is None else member.train
    weight = None if rows.weight is None else rows.weight[chosen]
    x = rows.x if member.train is None else rows.x[chosen]
    data = digest_of(x, rows.y[chosen], weight, *arrays)
    return structure_of(member), member.units, member.numbers, drawn, course, data

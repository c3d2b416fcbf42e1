"""Verdicts: what the answers of a claim's parts say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kohort.lab.part import OPEN, YES, Answers
from kohort.lab.words import Words

HELD = Words("held", "성립")
HELD_WHEN = Words("held when", "조건부 성립")
NOT_HELD = Words("not held", "성립하지 않음")
NOT_DECIDED = Words("not decided", "판정 보류")


class Verdict(NamedTuple):
    """A claim's verdict.

    Attributes
    ----------
    word
        HELD, HELD_WHEN, NOT_HELD or NOT_DECIDED.
    when
        Positions of the parts that held on every table; for HELD_WHEN.
    sometimes
        Positions of the parts that held on some tables, not on all.
    """

    word: Words
    when: tuple[int, ...] = ()
    sometimes: tuple[int, ...] = ()


def verdict(answers: Sequence[Answers]) -> Verdict:
    """The verdict by the rule of all claims.

    Held: every part has the answer yes on every table. Held when: some part has it on some table.
    Not decided: none has, and one is open. Not held: none has, and none is open.
    """
    all_tables = tuple(k for k, one in enumerate(answers) if one.answer == YES)
    if len(all_tables) == len(answers):
        return Verdict(HELD, all_tables)
    sometimes = tuple(
        k
        for k, one in enumerate(answers)
        if k not in all_tables and any(found.answer == YES for found in one.by_table)
    )
    if all_tables or sometimes:
        return Verdict(HELD_WHEN, all_tables, sometimes)
    undecided = any(found.answer == OPEN for one in answers for found in one.by_table)
    return Verdict(NOT_DECIDED if undecided else NOT_HELD)

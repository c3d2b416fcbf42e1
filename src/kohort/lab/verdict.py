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
        Positions of the parts that held on every table.
    sometimes
        Positions of the parts that held on some tables, not on all.
    """

    word: Words
    when: tuple[int, ...] = ()
    sometimes: tuple[int, ...] = ()


def verdict(answers: Sequence[Answers]) -> Verdict:
    """The verdict by the rule of all claims.

    Held: every part has the answer yes on every table. Held when: some part that asks for "better"
    has it on some table. Not decided: none has, and one is open. Not held: none has, and none is
    open. Parts that ask for "no worse" alone make no claim hold, unless it has no others.
    """
    everywhere = tuple(k for k, one in enumerate(answers) if one.answer == YES)
    if len(everywhere) == len(answers):
        return Verdict(HELD, everywhere)
    gains = [one for one in answers if one.part.asks == "better"] or answers
    found = {answer.answer for one in gains for answer in one.by_table}
    sometimes = tuple(
        k
        for k, one in enumerate(answers)
        if k not in everywhere and any(answer.answer == YES for answer in one.by_table)
    )
    word = HELD_WHEN if YES in found else NOT_DECIDED if OPEN in found else NOT_HELD
    return Verdict(word, everywhere, sometimes)

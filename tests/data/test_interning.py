"""Equal tables are held once, and what is held of those that nobody uses is bounded."""

import numpy as np

from kohort.data.interning import Interner
from kohort.engine.member import Rows


def _rows(number):
    return Rows(np.full((3, 2), float(number)), np.zeros((3, 1)))


def test_equal_tables_are_one_for_as_long_as_one_is_in_use():
    interner = Interner()
    used = [interner.rows(_rows(number)) for number in range(200)]
    for number in range(1000, 2000):  # Each is let go at once.
        interner.rows(_rows(number))
    assert all(interner.rows(_rows(number)) is table for number, table in enumerate(used))


def test_of_tables_that_nobody_uses_little_is_kept():
    interner = Interner()
    for number in range(1000):
        interner.rows(_rows(number))
        assert len(interner) <= 64
    used = [interner.rows(_rows(number)) for number in range(100)]
    for number in range(1000):
        interner.rows(_rows(-number))
        assert len(interner) <= 2 * (len(used) + 1)  # The one that is given is in use, too.

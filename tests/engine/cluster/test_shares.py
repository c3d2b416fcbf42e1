"""Portions of the waiting fits that machines take."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.cluster.conftest import member
from tests.sampling import depth

from kohort.engine import plan
from kohort.engine.executors.cluster.shares import BLIND, Waiting
from kohort.engine.fit import Fit

pytestmark = pytest.mark.timeout(120)


class TestShares:
    @settings(max_examples=depth(50))
    @given(
        sizes=st.lists(st.sampled_from([4, 8, 16]), min_size=1, max_size=40),
        places=st.integers(1, 8),
        cores=st.integers(1, 4),
        floor=st.integers(1, 4),
        speed=st.none() | st.floats(1e3, 1e9),
        accelerated=st.booleans(),
    )
    def test_each_fit_is_taken_once_with_those_that_share_its_program(
        self, sizes, places, cores, floor, speed, accelerated
    ):
        waiting = Waiting(cores, lambda structure, count: floor, accelerated)
        fits = [Fit(member(seed, size)) for seed, size in enumerate(sizes)]
        waiting.add(fits)
        taken = []
        while len(waiting):
            batch = waiting.take(places, speed)
            assert len({plan.structure_of(fit.member).group for fit in batch}) == 1
            if speed is None and not accelerated:
                assert len(batch) <= max(BLIND, floor) * cores
            taken += batch
            waiting.over(batch)
        assert Counter(taken) == Counter(fits)

    def test_those_that_died_come_first_and_in_smaller_company(self):
        waiting = Waiting(1, lambda structure, count: 16, False)
        dead, others = [Fit(member(s)) for s in range(16)], [Fit(member(s)) for s in range(3)]
        waiting.add(others)
        assert waiting.again(dead, [], 1) == []
        assert waiting.take(1, None) == dead[:2]
        assert waiting.again(dead[:2], [], 1) == []
        assert waiting.take(1, None) == dead[:1]
        assert waiting.again(dead[:1], [], 1) == []
        assert waiting.again(dead[:1], [], 1) == dead[:1]

"""Rounds of stand-ins for fits: what is paused keeps memory, so it is closed once it is lost."""

from collections import Counter
from types import SimpleNamespace

import pytest
from scipy.stats import uniform

from kohort.searches.adaptive.halving import Halving
from kohort.searches.adaptive.rounds import Rounds
from kohort.searches.adaptive.samplers import RandomSampler


class Fold:
    epochs = 0

    def __init__(self, ended):
        self.ended, self.closed = ended, False

    def close(self):
        assert not self.closed
        self.closed = True


@pytest.mark.parametrize(("factor", "slots"), [(2, 1), (3, 4), (4, 7)])
def test_as_many_as_the_factor_says_are_paused_at_a_rung(factor, slots):
    sampler = RandomSampler({"score": uniform()}, 40, 0)
    rounds = Rounds(sampler, Halving(1, factor), slots, 40, 1)
    most: Counter = Counter()

    def evaluate(batch):
        paused = Counter(
            each.rung for each in rounds.candidates
            if each not in batch and not each.folds[0].closed
        )  # fmt: skip
        for rung, count in paused.items():
            most[rung] = max(most[rung], count)
        for each in batch:
            assert each.rung == 0 or not each.folds[0].closed
            each.folds = [Fold(ended=each.rung == 2)]

    rounds.run(evaluate, lambda candidate: candidate.parameters["score"])
    assert all(each.folds[0].closed for each in rounds.candidates)
    assert 1 < max(most.values()) <= 40 // factor
    by_score = sorted(rounds.candidates, key=lambda each: each.parameters["score"])
    assert by_score[-1].completed


def test_a_sampler_that_has_no_more_ends_the_search():
    sampler = RandomSampler({"score": [0.1, 0.2]}, 2, 0)
    rounds = Rounds(sampler, Halving(1, 3), 4, 9, 1)

    def evaluate(batch):
        for each in batch:
            each.folds = [SimpleNamespace(ended=each.rung == 2, epochs=0, close=lambda: None)]

    rounds.run(evaluate, lambda candidate: candidate.parameters["score"])
    completed = {each.parameters["score"]: each.completed for each in rounds.candidates}
    assert completed == {0.1: False, 0.2: True}

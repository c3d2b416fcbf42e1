"""Verdict rules on outcomes that are made up, and results that survive JSON."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.errors import DataError, ParameterError
from kohort.lab.bench import rates
from kohort.lab.outcomes import Outcome, Outcomes
from kohort.lab.part import Part, answered, decide, interval
from kohort.lab.verdict import HELD, HELD_WHEN, NOT_DECIDED, NOT_HELD, verdict
from kohort.lab.words import LANGUAGES, Words, checked_language

SAME = Words("a", "a")


def _part(**fields):
    return Part(SAME, "error", "new", "old", **{"by": "difference", "margin": 0.01} | fields)


def _measured(effects, spread=0.001, at=""):
    """Outcomes of "new" and "old" with such mean effects by table."""
    draws = np.random.default_rng(0)
    found = []
    for table, effect in effects.items():
        for seed in range(20):
            old = 0.2 + 0.05 * draws.random()
            new = old + effect + spread * draws.normal()
            found += [
                Outcome("error", table, at, side, seed, value)
                for side, value in (("old", old), ("new", new))
            ]
    return Outcomes(found)


def _verdict(effects, parts=None, spread=0.001):
    outcomes = _measured(effects, spread)
    return verdict([answered(part, outcomes) for part in parts or [_part()]])


@pytest.mark.parametrize(
    ("effects", "spread", "word"),
    [
        ({"a": -0.05, "b": -0.05}, 0.001, HELD),
        ({"a": 0.05, "b": 0.0}, 0.001, NOT_HELD),
        ({"a": -0.005, "b": -0.004}, 0.001, NOT_HELD),  # Surely there, and too small to matter.
        ({"a": -0.05, "b": 0.0}, 0.001, HELD_WHEN),
        ({"a": 0.0, "b": 0.0}, 0.5, NOT_DECIDED),
        ({"a": 0.05, "b": 0.0}, 0.5, NOT_DECIDED),
    ],
)
def test_verdicts(effects, spread, word):
    assert _verdict(effects, spread=spread).word == word


def test_held_when_names_the_parts_that_held_everywhere_and_those_that_held_on_some_tables():
    parts = [_part(), _part(margin=0.03), _part(margin=0.2)]
    found = _verdict({"a": -0.05, "b": -0.02}, parts)
    assert (found.word, found.when, found.sometimes) == (HELD_WHEN, (0,), (1,))


def test_a_claim_of_a_gain_is_not_held_by_doing_no_harm():
    assert _verdict({"a": 0.0, "b": 0.0}, [_part(), _part(asks="no worse")]).word == NOT_HELD
    assert _verdict({"a": 0.0, "b": 0.0}, [_part(asks="no worse")]).word == HELD


@pytest.mark.parametrize(
    ("effect", "answer"), [(-0.5, "yes"), (0.0, "yes"), (0.005, "yes"), (0.05, "no")]
)
def test_no_worse_allows_the_margin(effect, answer):
    part = _part(asks="no worse")
    assert decide(part, effect + 0.001 * np.array([-1.0, 0, 1]), "a").answer == answer


def test_ratios_are_relative_and_differences_are_not():
    outcomes = Outcomes(
        Outcome("error", "a", "", side, seed, factor * (1 + seed))
        for side, factor in (("new", 0.5), ("old", 1.0))
        for seed in range(5)
    )
    found = answered(_part(by="ratio"), outcomes)
    assert found.effect == pytest.approx(np.log(0.5))
    assert found.by_table[0].low == pytest.approx(np.log(0.5))
    assert answered(_part(), outcomes).effect == pytest.approx(-1.5)


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=30))
def test_the_interval_is_students(values):
    from scipy import stats

    values = np.array(values)
    mean, low, high = interval(values)
    if values.std() > 1e-9:
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (low, high) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-9)
    assert low <= mean <= high


@given(st.permutations(range(40)))
def test_an_answer_does_not_depend_on_the_order_of_outcomes(order):
    outcomes = list(_measured({"a": -0.05}))
    shuffled = Outcomes(outcomes[k] for k in order)
    assert answered(_part(), shuffled).by_table == answered(_part(), Outcomes(outcomes)).by_table


def test_a_side_that_was_not_measured_is_an_error():
    with pytest.raises(DataError, match=r"'old'.* has 20 and 0 values"):
        answered(_part(), Outcomes(o for o in _measured({"a": 0}) if o.side == "new"))


def test_columns_give_the_outcomes_back():
    outcomes = _measured({"a": -0.05}, at=0.5)
    again = Outcomes.of_columns(outcomes.columns())
    assert [o[:5] for o in again] == [o[:5] for o in outcomes]
    assert [o.value for o in again] == pytest.approx([o.value for o in outcomes], rel=1e-5)


def test_words_and_languages():
    assert {Words("a", "b").of(language) for language in LANGUAGES} == {"a", "b"}
    with pytest.raises(ParameterError, match="`language` must be 'en' or 'ko'; got 'de'"):
        checked_language("de")
    assert [rate["learning_rate"] for rate in rates(0.01, 1, 3)] == [0.01, 0.1, 1.0]

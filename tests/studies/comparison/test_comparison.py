"""Numbers of a comparison against SciPy's paired test; words and picture."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kohort.studies.comparison.comparison import compared, paired_interval

_SCORES = st.floats(-10, 1).map(lambda value: round(value, 3))


def comparison(estimator, other, confidence=0.95, statuses=None):
    count = len(estimator)
    columns = {"seed": range(count), "estimator": estimator, "other": other, "constant": 0.0}
    statuses = ["finished"] * count if statuses is None else statuses
    table = pd.DataFrame({**columns, "estimator_status": "finished", "other_status": statuses})
    return compared(table, confidence, "R²")


@given(st.lists(st.tuples(_SCORES, _SCORES), min_size=2, max_size=20), st.floats(0.5, 0.999))
def test_the_interval_is_that_of_the_paired_t_test(pairs, confidence):
    one, other = np.array(pairs).T
    if np.ptp(other - one) < 1e-9:
        return  # SciPy gives NaN or warns.
    found = comparison(one, other, confidence)
    expected = stats.ttest_rel(other, one).confidence_interval(confidence)
    np.testing.assert_allclose(found.interval, expected, rtol=1e-9, atol=1e-12)
    assert found.difference == pytest.approx(np.mean(other - one))
    p = stats.ttest_rel(other, one).pvalue
    if abs(p - (1 - confidence)) > 1e-9:
        assert (found.helped or found.harmed) == (p < 1 - confidence)
    assert not (found.helped and found.harmed)


def test_equal_differences_leave_no_doubt_and_none_at_all_no_verdict():
    assert paired_interval(np.array([0.5, 0.5, 0.5])) == (0.5, 0.5)
    same = comparison([0.1, 0.2], [0.1, 0.2])
    assert same.interval == (0, 0)
    assert not same.helped
    assert not same.harmed


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ([0.5, 0.7, 0.6], "higher than that of `estimator` .* it helped"),
        ([-0.5, -0.4, -0.4], "lower than that of `estimator` .* it harmed"),
        ([0.5, -0.5, 0.1], "no difference is shown"),
    ],
)
def test_a_sentence_gives_the_verdict(other, words):
    found = comparison([0.0, 0.1, 0.0], other)
    assert re.search(words, str(found))
    assert "3 seeds" in str(found)
    assert "diverged" not in str(found)


def test_lost_fits_are_counted_and_drawn():
    statuses = ["diverged", "failed: ValueError: no", "stopped_early"]
    found = comparison([0.1, 0.2, 0.3], [0.0, 0.0, 0.4], statuses=statuses)
    assert "2 of 6 fits diverged or failed" in str(found)
    scores, differences = found.plot().axes
    (legend,) = scores.get_legend().get_texts()
    assert legend.get_text() == "diverged or failed"
    crosses = [line for line in scores.lines if line.get_marker() == "x"]
    assert sum(len(line.get_xdata()) for line in crosses) == 2
    assert differences.get_title("left").endswith("no difference shown")

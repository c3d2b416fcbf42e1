"""Failures do not stretch the scale of scores, and are marked beyond it."""

import numpy as np
import pandas as pd
import pytest

from kohort.report import pictures
from kohort.report.page.facts import facts
from kohort.report.page.source import Source
from kohort.report.score_scale import score_scale

GOOD = np.array([0.8, 0.75, 0.7, 0.6])
BAD = -7e23


def scale(means, smaller=False):
    means = np.asarray(means, float)
    return score_scale(means, means[:, None] + [-0.05, 0.05], smaller)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("bad", [1, 3, 40])
def test_a_few_or_many_failures_lie_outside(bad, sign):
    low, high, outside = scale(sign * np.array([*GOOD, *[BAD] * bad]), smaller=sign < 0)
    assert sorted((sign * low, sign * high)) == pytest.approx([0.55, 0.85])
    assert outside == bad


def test_a_single_good_candidate_is_seen():
    low, high, outside = scale([0.8, -5e19, BAD])
    assert (low, high, outside) == pytest.approx((0.75, 0.85, 2))


def test_ordinary_scores_are_all_inside():
    for means in (GOOD, [0.5, 0.5, 0.5], [0.9, 0.1, -0.4], [-1e4, -2e4, -3e4], [0.0]):
        low, high, outside = scale(means)
        assert outside == 0
        assert low <= min(means) <= max(means) <= high
    assert scale([np.nan]) is None


def test_a_single_wild_fold_does_not_stretch_it():
    folds = np.array([[0.8, 0.8], [0.7, 0.7], [0.6, 0.6], [BAD, 0.6]])
    low, high, outside = score_scale(folds.mean(axis=1), folds)
    assert (low, high, outside) == pytest.approx((0.6, 0.8, 1))


def board(means):
    count = len(means)
    return pd.DataFrame(
        {"rank": np.arange(count) + 1, "candidate": np.arange(count), "mean_score": means,
         "std_score": 0.0, "width": np.arange(count), "epochs": 3.0, "statuses": "2 finished",
         "score_fold_1": means, "score_fold_2": means}
    )  # fmt: skip


def test_the_picture_marks_what_lies_outside():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    pictures._draw_leaderboard(axes, board([*GOOD, BAD]), 5, "R²")
    assert -1 < axes.get_xlim()[0] < 0.6
    assert 0.8 < axes.get_xlim()[1] < 1
    (mark,) = [text for text in axes.texts if "-7e+23" in text.get_text()]
    assert mark.xy[1] == 4
    axes = Figure().subplots()
    pictures._draw_leaderboard(axes, board(GOOD), 4, "R²")
    assert len(axes.texts) == 1  # The heading of the parameters.


def test_curves_of_failures_do_not_stretch_theirs(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(pictures, "_scale", lambda axes, values: drawn.extend(values))
    curves = pd.DataFrame(
        {"candidate": [0, 1, 2, 3, 4], "fold": 1, "status": "finished", "best_epoch": 1, "epoch": 1,
         "val_loss": [0.1, 0.2, 0.3, 0.4, 1e22]}
    )  # fmt: skip
    pictures.draw_search(board([*GOOD, BAD]), curves, tmp_path / "search.png")
    assert drawn == [0.1, 0.2, 0.3, 0.4]


def test_the_page_knows_the_scale():
    curves = pd.DataFrame(columns=["candidate", "fold", "status", "best_epoch", "epoch"])
    found = facts(Source(board([*GOOD, BAD]), curves, {}))
    assert found["scale"] == {"low": 0.6, "high": 0.8, "outside": 1}

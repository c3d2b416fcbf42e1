"""Importance against functions whose decomposition of variance is known."""

import sys
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kohort.report.page.importance import importance, interactions, without_outliers
from kohort.report.page.searched import Parameter

GRID = np.array(list(product(np.linspace(-1, 1, 12), repeat=2)))
PAIR = [Parameter(name, GRID[:, i].tolist(), True, False) for i, name in enumerate("ab")]


def test_shares_of_an_additive_function_are_those_of_its_terms():
    found = importance(PAIR, 2 * GRID[:, 0] + GRID[:, 1])
    assert found["status"] == "shown"
    assert found["names"] == ["a", "b"]
    np.testing.assert_allclose(found["shares"], [0.8, 0.2], atol=0.05)


def test_an_additive_function_has_no_interaction():
    found = interactions(PAIR, 2 * GRID[:, 0] + GRID[:, 1], ["a", "b"])
    assert found["pairs"][0]["share"] < 0.02
    assert found["out_of_bag"] > 0.9


def test_a_product_is_all_interaction():
    score = GRID[:, 0] * GRID[:, 1]
    (pair,) = interactions(PAIR, score, ["a", "b"])["pairs"]
    assert pair["share"] > 0.7
    xs, ys = np.meshgrid(pair["xs"], pair["ys"])
    assert np.corrcoef(np.ravel(pair["surface"]), np.ravel(xs * ys))[0, 1] > 0.95


def test_the_surface_is_in_units_of_the_score_with_x_along_columns():
    score = 100 + 5 * np.sign(GRID[:, 0])
    (pair,) = interactions(PAIR, score, ["a", "b"])["pairs"]
    surface = np.array(pair["surface"])
    assert (pair["x"], pair["y"]) == ("a", "b")
    assert surface.shape == (len(pair["ys"]), len(pair["xs"]))
    expected = np.broadcast_to(100 + 5 * np.sign(pair["xs"]), surface.shape)
    # Trees grown on bootstrap samples blur the step of 10 by less than a tenth.
    np.testing.assert_allclose(surface, expected, atol=1)


def test_choices_count_like_numbers():
    names = np.where(GRID[:, 0] > 0, "relu", "elu")
    parameters = [Parameter("act", names.tolist(), False, False), PAIR[1]]
    found = importance(parameters, np.where(GRID[:, 0] > 0, 1.0, 0.0))
    assert found["names"][0] == "act"
    assert found["shares"][0] > 0.95


def test_what_cannot_be_said_has_a_reason():
    constant = [Parameter("a", [1.0] * len(GRID), True, False)]
    score = GRID[:, 0]
    few = np.where(np.arange(len(score)) < 9, score, np.nan)
    assert importance(constant, score)["status"] == "constant_parameters"
    assert importance([], score)["status"] == "constant_parameters"
    assert importance(PAIR, few) == {"candidates": 9, "fewest": 10, "status": "few_candidates"}
    assert importance(PAIR, np.zeros(len(score)))["status"] == "constant_scores"
    assert interactions(PAIR[:1], score, ["a"]) is None


def test_without_optuna_the_page_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert importance(PAIR, GRID[:, 0])["status"] == "optuna_missing"


_SCORES = arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e6, 1e6))


@given(_SCORES)
def test_only_low_outliers_are_raised(scores):
    found = without_outliers(scores)
    assert np.all(found >= scores)
    low, high = np.quantile(scores, (0.25, 0.75))
    inside = scores >= low - 3 * (high - low)
    np.testing.assert_array_equal(found[inside], scores[inside])
    np.testing.assert_array_equal(without_outliers(found), found)


def test_scores_that_are_missing_stay_so():
    assert np.isnan(without_outliers(np.array([np.nan, 1.0, 2.0]))[0])
    assert np.isnan(without_outliers(np.array([np.nan]))).all()

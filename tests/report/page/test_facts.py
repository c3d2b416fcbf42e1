import base64
import json
from dataclasses import replace

import numpy as np
import pandas as pd

from kohort.report.page.facts import facts

CANDIDATES, FOLDS, EPOCHS = 24, 2, 6  # Of the made-up search.


def _unpacked(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_everything_is_json(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_board_is_the_leaderboard_with_gaps_as_none(source, found):
    board = found["board"]
    assert board["rank"] == source.board["rank"].tolist()
    assert board["mean_score"][-1] is None
    np.testing.assert_array_equal(board["mean_score"][:-1], source.board["mean_score"][:-1])
    np.testing.assert_array_equal(board["folds"][1][:-1], source.board["score_fold_2"][:-1])


def test_curves_hold_every_epoch_of_every_member_in_order(source, found):
    curves = found["curves"]
    assert len(curves["counts"]) == CANDIDATES * FOLDS + 1
    assert set(curves["counts"]) == {EPOCHS}
    assert not curves["thinned"]
    members = zip(curves["candidate"], curves["fold"], strict=True)
    order = pd.MultiIndex.from_tuples(members, names=["candidate", "fold"])
    expected = source.curves.set_index(["candidate", "fold"]).loc[order]
    for name, packed in curves["logs"].items():
        np.testing.assert_array_equal(_unpacked(packed), expected[name].to_numpy(np.float32))
    np.testing.assert_array_equal(_unpacked(curves["epoch"]), expected["epoch"])


def test_long_curves_are_thinned_and_say_so(source, monkeypatch):
    monkeypatch.setattr("kohort.report.page.facts._MOST_NUMBERS", 0)
    monkeypatch.setattr("kohort.report.page.facts._FEWEST_EPOCHS", 4)
    curves = facts(source)["curves"]
    assert curves["thinned"]
    assert set(curves["counts"]) == {4}
    assert set(curves["epochs"]) == {EPOCHS}
    first = _unpacked(curves["epoch"])[:4].tolist()
    assert first[0] == 1
    assert {4, EPOCHS} < set(first)  # The epoch whose weights were kept is not left out.


def test_a_running_search_has_no_effects_yet(source):
    found = facts(replace(source, live={"state": "running"}))
    assert found["importance"] is None
    assert found["interactions"] is None


def test_the_rate_matters_most(found):
    assert found["importance"]["names"][0] == "learning_rate"
    assert [p["name"] for p in found["parameters"] if p["varies"]] == [
        "learning_rate",
        "width",
        "activation",
    ]


def test_a_diagnosis_is_shown_where_there_is_one(source, found):
    diagnosed = found["diagnosis"]
    (finding,) = diagnosed["findings"]
    assert finding["code"] == "vanishing_gradients"
    assert finding["severity"] == "severe"
    assert finding["count"] == 1
    (member,) = diagnosed["layers"]
    assert member["layers"] == ["dense_0", "dense_1", "dense_2", "dense_3"]
    assert (member["axis"], member["times"]) == ("step", [1, 2, 3])
    expected = [[10.0**n / step for step in (1, 2, 3)] for n in range(4)]
    np.testing.assert_allclose(member["quantities"]["gradient"], expected)
    assert facts(replace(source, findings=None, layers=None, live={}))["diagnosis"] is None

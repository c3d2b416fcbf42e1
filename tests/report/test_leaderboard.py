import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import FitFailedWarning

import kohort
from kohort.report.leaderboard import (
    as_json,
    count_statuses,
    leaderboard,
    learning_curves,
    search_members,
    values_of,
)
from kohort.report.pictures import draw_search


@pytest.fixture(scope="module")
def search():
    X, y = load_diabetes(return_X_y=True)
    return kohort.GridSearchCV(
        kohort.DenseRegressor(width=8, depth=1, epochs=3, random_state=0),
        {"learning_rate": [1e-3, 1e-2], "dropout": [0.0, 0.2]},
        cv=2,
    ).fit(X, y)


def test_the_leaderboard_holds_the_search_s_results_best_first(search):
    board = leaderboard(search)
    assert board["rank"].tolist() == sorted(search.cv_results_["rank_test_score"])
    best = board.iloc[0]
    assert best["mean_score"] == pytest.approx(search.best_score_)
    assert {name: best[name] for name in search.best_params_} == search.best_params_
    assert best[["score_fold_1", "score_fold_2"]].mean() == pytest.approx(best["mean_score"])
    assert set(board["epochs"]) == {3.0}
    assert set(board["statuses"]) == {"2 finished"}


def test_every_fit_is_assigned_to_its_candidate_and_fold(search):
    members = search_members(search)
    assert [(m.candidate, m.fold) for m in members] == [
        *[(candidate, fold) for candidate in range(4) for fold in range(2)],
        (search.best_index_, None),
    ]
    assert count_statuses(search) == {"finished": 9}


def test_learning_curves_hold_every_epoch_of_every_fit(search):
    curves = learning_curves(search)
    assert len(curves) == 9 * 3
    refit = curves[curves["fold"] == 0]
    assert refit["candidate"].unique().tolist() == [search.best_index_]
    np.testing.assert_array_equal(refit["val_loss"], search.best_estimator_.history_["val_loss"])


def test_a_candidate_that_cannot_be_fitted_stays_on_the_leaderboard(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    search = kohort.GridSearchCV(
        kohort.DenseRegressor(depth=1, epochs=2, random_state=0),
        {"width": [8, [8, 8]]},
        cv=2,
    )
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(X, y)
    board = leaderboard(search)
    assert board["statuses"].tolist() == ["2 finished", "2 failed"]
    assert board["width"].tolist() == ["8", "[8, 8]"]
    assert count_statuses(search) == {"finished": 3, "failed": 2}
    draw_search(board, learning_curves(search), tmp_path / "search.png")
    board.to_parquet(tmp_path / "board.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "board.parquet"), board)


def test_values_that_json_lacks_find_their_fits_and_are_told_in_words():
    X, y = load_diabetes(return_X_y=True)
    widths = [np.array([8, 8]), -1, 8]
    search = kohort.GridSearchCV(
        kohort.DenseRegressor(depth=2, epochs=1, random_state=0), {"width": widths}, cv=2
    )
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(X, y)
    board = leaderboard(search).sort_values("candidate")
    assert board["width"].tolist() == ["[8, 8]", "-1", "8"]
    assert board["statuses"].tolist() == ["2 finished", "2 failed", "2 finished"]
    assert as_json({np.int64(1): 2.0}) == str({np.int64(1): 2.0})


def test_a_value_of_none_stays_none_beside_whole_numbers(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    network = kohort.DenseRegressor(width=4, depth=1, epochs=1, random_state=0)
    space = {"n_bins": [None, 8], "max_norm": [None, 1.5]}
    board = leaderboard(kohort.GridSearchCV(network, space, cv=2).fit(X, y))
    board = board.sort_values("candidate")
    board.to_parquet(tmp_path / "board.parquet")
    for known in (board, pd.read_parquet(tmp_path / "board.parquet")):
        assert list(map(str, values_of(known, "n_bins"))) == ["None", "8", "None", "8"]
        assert list(map(str, values_of(known, "max_norm"))) == ["None", "None", "1.5", "1.5"]


def test_a_value_of_none_stays_none_beside_lists_and_dictionaries():
    X, y = load_diabetes(return_X_y=True)
    network = kohort.DenseClassifier(width=4, depth=1, epochs=1, random_state=0)
    space = {"class_weight": [None, {False: 1, True: 2}]}
    board = leaderboard(kohort.GridSearchCV(network, space, cv=2).fit(X, y > 150))
    values = values_of(board.sort_values("candidate"), "class_weight")
    assert values[0] is None
    assert "2" in values[1]


def test_the_picture_is_a_png(search, tmp_path):
    draw_search(leaderboard(search), learning_curves(search), tmp_path / "search.png", "R²")
    assert (tmp_path / "search.png").read_bytes().startswith(b"\x89PNG")

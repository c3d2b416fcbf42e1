import html
import json
import re
from types import SimpleNamespace

import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeRegressor

import kohort
from kohort.report.page.searched import parameters_of
from kohort.report.page.source import source_of

X, Y = load_diabetes(return_X_y=True)
GRID = {"learning_rate": [1e-3, 1e-2]}


def _model():
    return kohort.DenseRegressor(width=8, depth=1, epochs=3, schedule="1cycle", random_state=0)


@pytest.fixture(scope="module")
def search():
    return kohort.GridSearchCV(_model(), GRID, cv=2).fit(X, Y)


def _facts(report):
    return json.loads(re.search(r'id="facts">(.*?)</script>', report.html, re.S)[1])


def test_the_report_tells_what_the_search_knows(search):
    found = _facts(kohort.search_report(search))
    assert found["board"]["mean_score"][0] == search.best_score_
    assert found["run"]["score"] == "R²"
    assert found["run"]["best_parameters"] == search.best_params_
    assert found["run"]["times"] == search.cohort_times_
    assert found["run"]["command"] == repr(search)
    assert found["run"]["statuses"] == {"finished": 5}
    schedule = found["run"]["schedule"]
    assert schedule["name"] == "1cycle"
    assert max(schedule["rate"]) == pytest.approx(search.best_params_["learning_rate"], rel=0.05)
    assert len(found["curves"]["counts"]) == 5


def test_a_search_of_scikit_learn_has_a_report_without_curves():
    with kohort.together():
        search = GridSearchCV(_model(), GRID, cv=2).fit(X, Y)
    found = _facts(kohort.search_report(search))
    assert found["curves"]["counts"] == []
    assert found["run"]["times"] is None
    assert found["board"]["statuses"] == ["", ""]
    assert found["board"]["mean_score"][0] == search.best_score_


def test_distributions_are_written_out_in_the_command():
    from scipy.stats import loguniform, randint

    space = {"learning_rate": loguniform(1e-3, 1e-2), "width": randint(4, 9)}
    search = kohort.RandomizedSearchCV(_model(), space, n_iter=2, cv=2, random_state=0).fit(X, Y)
    run = source_of(search).description
    assert "'learning_rate': loguniform(0.001, 0.01)" in run["command"]
    assert " object at 0x" not in run["command"]
    assert run["space"]["learning_rate"] == {"low": 0.001, "high": 0.01, "log": True}
    assert run["space"]["width"] == {"low": 4, "high": 8, "int": True}


def test_several_spaces_are_told_by_what_was_tried_of_them():
    X, y = load_diabetes(return_X_y=True)
    spaces = [{"max_depth": [None, 2]}, {"max_depth": [3], "splitter": ["best"]}]
    source = source_of(GridSearchCV(DecisionTreeRegressor(random_state=0), spaces, cv=2).fit(X, y))
    assert source.description["space"] == {"max_depth": [None, 2, 3], "splitter": ["best"]}
    depth, splitter = parameters_of(source.board, source.description["space"])
    assert depth.choices == ["2", "3", "none"]
    assert splitter.choices == ["best", "none"]


def test_the_page_is_written_and_shown_in_a_frame(search, tmp_path):
    report = kohort.search_report(search, tmp_path / "report.html", language="ko")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report.html
    assert report.save(tmp_path / "again.html").read_text(encoding="utf-8") == report.html
    frame = re.search(r'srcdoc="(.*?)" title', report._repr_html_(), re.S)[1]
    assert html.unescape(frame) == report.html
    assert len(repr(report)) < 100


@pytest.mark.parametrize(
    ("search", "words"),
    [
        (kohort.GridSearchCV(_model(), GRID), "`search` must be a fitted search with one score"),
        (3, "`search` must be"),
        (SimpleNamespace(cv_results_={"rank_test_r2": []}), "Search with one of its scores alone"),
    ],
)
def test_what_is_no_fitted_search_is_one_clear_error(search, words):
    with pytest.raises(kohort.ParameterError, match=words):
        kohort.search_report(search)


def test_a_folder_without_a_search_is_one_clear_error(tmp_path):
    with pytest.raises(kohort.DataError, match=r"`RUN` must be a folder .* It has no run.json"):
        kohort.search_report(tmp_path)
    with pytest.raises(kohort.DataError, match="There is no such folder"):
        kohort.search_report(tmp_path / "none")


def test_errors_of_language_and_path_come_before_and_after_the_work(search, tmp_path):
    with pytest.raises(kohort.ParameterError, match="`language`"):
        kohort.search_report(None, language="fr")
    with pytest.raises(kohort.DataError, match="`out` must be a file that can be written"):
        kohort.search_report(search, tmp_path)

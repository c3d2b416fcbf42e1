"""A refit that comes to nothing takes no results away, and says where they are."""

import numpy as np
import pytest
from sklearn.datasets import make_regression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort
from kohort.report.leaderboard import count_statuses, leaderboard
from kohort.searches.problems.problem import Problem
from kohort.searches.problems.problem_search import Plan, search_problem
from kohort.searches.problems.table_settings import TableParameters

X, Y = make_regression(60, 3, random_state=0)
SPACE = {"learning_rate": [1e-3, 1e-2]}
LATER = {"schedule": "piecewise", "boundaries": [1], "factors": [1.0, 1e30]}


class Soars(kohort.DenseRegressor):
    """Diverges on 60 rows or more; keeps weights of the first epoch where `width` is 5."""

    def fit(self, X, y, **more):
        if len(X) < 60:
            return super().fit(X, y, **more)
        if self.width == 6:
            raise MemoryError("too many rows")
        changed = LATER if self.width == 5 else {"learning_rate": 1e30}
        self.set_params(**{"optimizer": "sgd", **changed})
        return super().fit(X, y, **more)


def soars(width=4):
    return Soars(width=width, depth=1, epochs=3, random_state=0)


@pytest.mark.parametrize("piped", [False, True])
def test_an_error_of_the_refit_leaves_the_results_in_the_search(piped):
    model = make_pipeline(StandardScaler(), soars()) if piped else soars()
    space = {"soars__learning_rate": [1e-3, 1e-2]} if piped else SPACE
    search = kohort.GridSearchCV(model, space, cv=3)
    with pytest.raises(kohort.DivergedError, match="kept in its `cv_results_`, `best_params_`"):
        search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_ in search.cv_results_["params"]
    assert count_statuses(search) == {"finished": 6, "diverged": 1}
    assert leaderboard(search)["statuses"].tolist() == ["3 finished"] * 2
    assert "3 finished" in kohort.search_report(search).html


def test_a_warning_of_the_refit_says_so_too_and_one_of_a_fold_does_not():
    with pytest.warns(kohort.DivergedWarning, match="restored. This was the refit of the best"):
        search = kohort.GridSearchCV(soars(width=5), SPACE, cv=3).fit(X, Y)
    assert search.best_estimator_.status_ == "diverged"
    with pytest.warns(kohort.DivergedWarning, match=r"were restored\.$"):
        soars(width=5).fit(X, Y)


def test_another_error_of_the_refit_keeps_its_kind_and_has_a_note():
    search = kohort.GridSearchCV(soars(width=6), SPACE, cv=3)
    with pytest.raises(MemoryError, match="too many rows") as raised:
        search.fit(X, Y)
    assert "`cv_results_`" in raised.value.__notes__[0]
    assert len(kohort.search_report(search).html) > 1000


def test_a_search_of_scikit_learn_names_the_cohort_s_record():
    with (
        kohort.together() as cohort,
        pytest.raises(kohort.DivergedError, match=r"6 fits.*`record`"),
    ):
        GridSearchCV(soars(), SPACE, cv=3).fit(X, Y)
    assert [fit.status for fit in cohort.record] == ["finished"] * 6 + ["diverged"]


@pytest.mark.parametrize(("width", "kept"), [(4, False), (5, True)])
def test_a_search_of_the_command_line_tells_of_its_last_fit(width, kept):
    problem = Problem(X, Y, "regression", lambda settings, *_: soars(width).set_params(**settings),
                      lambda fitted: Kept(fitted), TableParameters("regression"))  # fmt: skip
    result = search_problem(problem, Plan(SPACE, method="grid", cv=2))
    assert (result.model is not None) == kept
    assert result.test_score is not None
    (remark,) = result.remarks
    assert "fit on all 60 rows diverged" in remark
    assert ("the model has the weights of epoch 1" if kept else "there is no model") in remark


class Kept:
    def __init__(self, estimator):
        self.estimator = estimator

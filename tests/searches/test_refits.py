"""A refit that comes to nothing takes no results away, and says where they are."""

import numpy as np
import pytest
from sklearn.base import clone
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


class SoarsAtBest(kohort.DenseRegressor):
    """Diverges on 60 rows or more at the learning rates that score best."""

    def fit(self, X, y, **more):
        if len(X) >= 60 and self.learning_rate in self.rates:
            raise kohort.DivergedError(f"planted at {self.learning_rate}.")
        return super().fit(X, y, **more)


@pytest.mark.whole
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("fold_models", [False, True])
def test_the_next_best_candidate_that_refits_is_taken(several, fold_models):
    rates = [0.001, 0.003, 0.01, 0.03]
    scoring, refit, metric = None, True, "score"
    if several:
        scoring, refit, metric = ["r2", "neg_mean_squared_error"], "r2", "r2"
    whole = kohort.GridSearchCV(
        soars(), {"learning_rate": rates}, cv=3, scoring=scoring, refit=False
    ).fit(X, Y)
    order = np.argsort(whole.cv_results_[f"rank_test_{metric}"], kind="stable")
    SoarsAtBest.rates = [rates[number] for number in order[:2]]
    model = SoarsAtBest(width=4, depth=1, epochs=3, random_state=0)
    search = kohort.GridSearchCV(
        model, {"learning_rate": rates}, cv=3, scoring=scoring, refit=refit,
        keep_fold_models=fold_models,
    )  # fmt: skip
    with pytest.warns(
        kohort.RefitWarning, match=r"refit of the best.*planted at.*next best"
    ) as told:
        search.fit(X, Y)
    assert "\n" not in str(told[0].message)
    assert list(search.refit_failures_) == order[:2].tolist()
    assert search.best_index_ == order[2]
    assert search.best_params_ == {"learning_rate": rates[order[2]]}
    assert search.best_score_ == whole.cv_results_[f"mean_test_{metric}"][order[2]]
    direct = SoarsAtBest(width=4, depth=1, epochs=3, random_state=0, **search.best_params_)
    np.testing.assert_array_equal(search.predict(X), direct.fit(X, Y).predict(X))
    assert np.isfinite(search.score(X, Y))
    assert hasattr(search, "fold_models_") == fold_models
    stock = GridSearchCV(model, {"learning_rate": rates}, cv=3)
    with pytest.raises(kohort.DivergedError, match="planted"):
        stock.fit(X, Y)


def test_a_search_of_the_command_line_takes_the_next_best_candidate():
    SoarsAtBest.rates = [1e-2]
    model = SoarsAtBest(width=4, depth=1, epochs=3, random_state=0)
    problem = Problem(X, Y, "regression", lambda settings, *_: clone(model).set_params(**settings),
                      lambda fitted: Kept(fitted), TableParameters("regression"))  # fmt: skip
    result = search_problem(problem, Plan(SPACE, method="grid", cv=2))
    assert result.search.best_params_ == {"learning_rate": 1e-2}
    assert result.model.estimator.learning_rate == 1e-3
    assert result.remarks == (
        "The best candidate's fit on all 60 rows diverged; the model is the next best one, "
        "{'learning_rate': 0.001}.",
    )
    SoarsAtBest.rates = [1e-2]
    result = search_problem(problem, Plan(SPACE, method="grid", cv=2, test_fraction=0))
    assert result.search.best_params_ == {"learning_rate": 1e-3}
    (remark,) = result.remarks
    assert remark.startswith("The refit of the best candidate ({'learning_rate': 0.01}) failed")

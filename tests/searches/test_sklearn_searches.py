"""scikit-learn's searches, ensembles and validation functions inside `kohort.together()`."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    StackingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import kohort
from kohort.engine import plan

pytestmark = pytest.mark.timeout(120)

X, Y = make_regression(60, 4, noise=5.0, random_state=0)
CODES = make_classification(60, 4, random_state=0)[1]
RATES = [1e-3, 1e-2, 1e-1]


def regressor(**changes):
    own = {"depth": 1, "width": 8, "epochs": 3, "early_stopping": False, "random_state": 0}
    return kohort.DenseRegressor(**{**own, **changes})


def classifier(**changes):
    own = {"depth": 1, "width": 8, "epochs": 3, "early_stopping": False, "random_state": 0}
    return kohort.DenseClassifier(**{**own, **changes})


@pytest.fixture
def planned(monkeypatch):
    """Sizes of the batches of members that the executor planned together."""
    sizes = []
    groups = plan.groups

    def counting(members):
        members = list(members)
        sizes.append(len(members))
        return groups(members)

    monkeypatch.setattr(plan, "groups", counting)
    return sizes


def scores(search):
    return search.cv_results_["mean_test_score"]


def grid(**options):
    return GridSearchCV(regressor(), {"learning_rate": RATES}, cv=3, **options)


def randomized():
    space = {"learning_rate": loguniform(1e-3, 1e-1)}
    return RandomizedSearchCV(regressor(), space, n_iter=3, cv=3, random_state=0)


def halving_random():
    space = {"learning_rate": loguniform(1e-3, 1e-1)}
    return HalvingRandomSearchCV(regressor(), space, n_candidates=4, cv=3, random_state=0)


def halving_grid():
    return HalvingGridSearchCV(regressor(), {"learning_rate": RATES}, cv=3, random_state=0)


def piped():
    pipeline = make_pipeline(StandardScaler(), PolynomialFeatures(2), regressor())
    return GridSearchCV(pipeline, {"denseregressor__learning_rate": RATES}, cv=3)


def stacking():
    members = [(str(rate), regressor(learning_rate=rate)) for rate in RATES]
    return StackingRegressor(members, Ridge(), cv=3)


def bagging():
    return BaggingClassifier(classifier(), n_estimators=4, random_state=0)


QUESTIONS = {
    "grid": (lambda: scores(grid().fit(X, Y)), 10, 9),
    "randomized": (lambda: scores(randomized().fit(X, Y)), 10, 9),
    "halving random": (lambda: scores(halving_random().fit(X, Y)), 19, 12),
    "halving grid": (lambda: scores(halving_grid().fit(X, Y)), 13, 9),
    "pipeline": (lambda: scores(piped().fit(X, Y)), 10, 9),
    "stacking": (lambda: stacking().fit(X, Y).predict(X), 12, 9),
    "bagging": (lambda: bagging().fit(X, CODES).predict_proba(X), 4, 4),
    "cross_validate": (lambda: cross_validate(regressor(), X, Y, cv=4)["test_score"], 4, 4),
    "learning_curve": (
        lambda: learning_curve(regressor(), X, Y, cv=3, train_sizes=[0.5, 1.0])[2],
        6,
        6,
    ),
    "cross_val_predict": (lambda: cross_val_predict(regressor(), X, Y, cv=3), 3, 3),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_results_inside_equal_those_outside_and_fits_coalesce(name, planned):
    question, fits, largest = QUESTIONS[name]
    with kohort.together() as cohort:
        inside = question()
    assert cohort.census().submitted == cohort.census().ended == fits
    assert max(planned) == largest
    np.testing.assert_allclose(inside, question(), rtol=1e-4, atol=1e-5)


NESTED = {
    "grid in cross_validate": (
        lambda: cross_validate(grid(), X, Y, cv=2)["test_score"],
        20,
        18,
    ),
    "stacking in a grid": (
        lambda: scores(
            GridSearchCV(stacking(), {"final_estimator__alpha": [0.1, 1.0]}, cv=2).fit(X, Y)
        ),
        60,
        12,
    ),
    "bagging in cross_validate": (
        lambda: cross_validate(
            BaggingRegressor(regressor(), n_estimators=3, random_state=0), X, Y, cv=3
        )["test_score"],
        9,
        9,
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_calls_train_as_one_cohort(name, planned):
    question, fits, largest = NESTED[name]
    with kohort.together() as cohort:
        inside = question()
    assert cohort.census().ended == fits
    assert max(planned) >= largest
    np.testing.assert_allclose(inside, question(), rtol=1e-4, atol=1e-5)


def forest(**options):
    return RandomForestClassifier(n_estimators=7, random_state=0, **options)


OTHERS = {
    "forest": lambda: forest().fit(X, CODES).predict_proba(X),
    "forest with jobs": lambda: forest(n_jobs=2).fit(X, CODES).predict(X),
    "forest in a grid": lambda: scores(
        GridSearchCV(forest(), {"max_depth": [2, 3]}, cv=3).fit(X, CODES)
    ),
    "global random state": lambda: scores(
        GridSearchCV(SGDClassifier(), {"alpha": [1e-3, 1e-2]}, cv=3).fit(X, CODES)
    ),
    "bagging": lambda: BaggingRegressor(Ridge(), random_state=0).fit(X, Y).predict(X),
    "pipeline": lambda: cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression()), X, CODES, method="predict_proba"
    ),
    "permutation importance": lambda: (
        permutation_importance(Ridge().fit(X, Y), X, Y, random_state=0).importances
    ),
    "stacking": lambda: StackingRegressor([("ridge", Ridge())]).fit(X, Y).predict(X),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_estimators_give_exactly_what_they_give_outside(name):
    np.random.seed(0)
    outside = OTHERS[name]()
    np.random.seed(0)
    with kohort.together():
        inside = OTHERS[name]()
    np.testing.assert_array_equal(inside, outside)


def test_sums_over_parts_are_not_cut_differently_inside():
    from sklearn.decomposition import LatentDirichletAllocation
    from sklearn.metrics import pairwise_distances

    wide = np.random.default_rng(0).random((301, 37))
    model = LatentDirichletAllocation(3, max_iter=2, random_state=0)
    outside = pairwise_distances(wide), model.fit_transform(wide)
    with kohort.together():
        inside = pairwise_distances(wide), model.fit_transform(wide)
    for one, other in zip(inside, outside, strict=True):
        np.testing.assert_array_equal(one, other)


def test_context_of_the_driver_reaches_the_tasks():
    class Errors(Ridge):
        def fit(self, X, y):
            seen.append(np.geterr()["divide"])
            return super().fit(X, y)

    seen = []
    with kohort.together(), np.errstate(divide="raise"):
        cross_validate(Errors(), X, Y, cv=2)
    assert seen == ["raise", "raise"]


def test_refit_and_fit_in_the_main_thread():
    with kohort.together() as cohort:
        search = grid().fit(X, Y)
        alone = regressor(**search.best_params_).fit(X, Y)
    assert cohort.census().ended == 11
    np.testing.assert_allclose(search.predict(X), alone.predict(X), rtol=1e-5)


def test_the_second_search_of_a_process_and_of_a_block():
    for _ in range(2):
        with kohort.together() as cohort:
            first = scores(grid(refit=False).fit(X, Y))
            second = scores(grid(refit=False).fit(X, Y))
        assert cohort.census().ended == 18
        np.testing.assert_allclose(first, second, rtol=1e-4)


def test_the_record_is_in_the_order_of_the_candidates():
    with kohort.together() as cohort:
        search = grid(refit=False).fit(X, Y)
    record = cohort.record
    rates = [entry.parameters.get("learning_rate") for entry in record]
    assert rates == [c["learning_rate"] for c in search.cv_results_["params"] for _ in range(3)]
    for entry in record:
        assert entry.status == "finished"
        assert entry.best_epoch == 2
        assert len(entry.history["loss"]) == 3
        assert entry.seconds > 0


@pytest.mark.parametrize("jobs", [2, -1])
def test_jobs_let_tasks_run_at_once(jobs):
    outside = scores(grid(refit=False).fit(X, Y))
    with kohort.together() as cohort:
        inside = scores(grid(refit=False, n_jobs=jobs).fit(X, Y))
        nested = cross_validate(grid(n_jobs=jobs), X, Y, cv=2, n_jobs=jobs)
    assert cohort.census().ended == 9 + 20
    assert "test_score" in nested
    np.testing.assert_allclose(inside, outside, rtol=1e-4)

"""An adaptive search is a search of scikit-learn's in every respect that its checks know."""

import numpy as np
import pytest
import sklearn
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import check_estimator

import kohort

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] - X[:, 1] ** 2
SPACE = {"learning_rate": [1e-3, 1e-2]}
OPTIONS = {"cv": 2, "random_state": 0}


def network():
    return kohort.DenseRegressor(width=8, epochs=6, random_state=0)


def adaptive(**changes):
    known = {"sampler": "random", "n_candidates": 2, "min_epochs": 2}
    return kohort.AdaptiveSearchCV(network(), SPACE, **OPTIONS | known | changes)


@pytest.mark.rest
@pytest.mark.filterwarnings("ignore")
def test_checks_say_of_it_what_they_say_of_a_random_search():
    random = kohort.RandomizedSearchCV(network(), SPACE, n_iter=2, **OPTIONS)
    ours, theirs = (
        {each["check_name"]: each["status"] for each in check_estimator(one, on_fail=None)}
        for one in (adaptive(), random)
    )
    assert ours == theirs
    assert list(ours.values()).count("passed") > 40


def test_metadata_is_routed():
    weight, groups = np.linspace(0, 1, 60), np.arange(60) % 4
    with sklearn.config_context(enable_metadata_routing=True):
        model = network().set_fit_request(sample_weight=True)
        scorer = get_scorer("r2").set_score_request(sample_weight=True)
        search = adaptive(cv=GroupKFold(2), scoring=scorer).set_params(estimator=model)
        search.fit(X, Y, sample_weight=weight, groups=groups)
    plain = adaptive(cv=GroupKFold(2)).fit(X, Y, groups=groups)
    assert search.cv_results_["params"] == plain.cv_results_["params"]
    assert (search.cv_results_["mean_test_score"] != plain.cv_results_["mean_test_score"]).all()


def test_searches_are_nested():
    scores = cross_val_score(adaptive(), X, Y, cv=2)
    with kohort.together():
        together = cross_val_score(adaptive(), X, Y, cv=2)
    np.testing.assert_allclose(together, scores, rtol=1e-6)

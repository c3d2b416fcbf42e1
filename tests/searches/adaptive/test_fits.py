"""How the candidates of an adaptive search are fitted, and what becomes of fits that fail."""

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import FitFailedWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.searches.adaptive.conftest import SPACE, X, Y, network, search

import kohort


def test_no_epoch_is_trained_twice():
    with kohort.together() as cohort:
        found = search(n_candidates=12).fit(X, Y)
        refit = 9
        assert cohort.census().epochs == found.n_epochs_ + refit
    results = found.cv_results_
    assert found.n_epochs_ == 3 * results["epochs"].sum() < 12 * 3 * 9
    record = found.cohort_record_
    assert len(record) == 12 * 3 + 1
    assert [len(r.history["loss"]) for r in record[:-1:3]] == list(results["epochs"])
    fits = [fit.parameters["learning_rate"] for fit in record[:-1:3]]
    assert fits == [parameters["learning_rate"] for parameters in results["params"]]


def test_members_of_a_round_train_as_one_cohort(monkeypatch):
    from kohort.engine.executors.local import LocalExecutor

    sizes = []
    start = LocalExecutor.start

    def counting(executor, fits=None):
        sizes.append(executor.arrivals)
        start(executor, fits)

    monkeypatch.setattr(LocalExecutor, "start", counting)
    search(refit=False, n_candidates=6, n_slots=6).fit(X, Y)
    assert (sizes[0], sum(sizes)) == (18, 27)  # Later ones may join a thread that still runs.


class Counted(TransformerMixin, BaseEstimator):
    """Counts its fits, which are as long as the table."""

    fits: ClassVar[Counter] = Counter()

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        Counted.fits[self.factor] += 1
        self.fitted_ = True
        return self

    def transform(self, X):
        return X * self.factor


def test_what_stands_in_front_is_fitted_once_for_each_candidate_and_fold():
    Counted.fits.clear()
    piped = make_pipeline(make_pipeline(Counted(), StandardScaler()), network())
    space = {f"denseregressor__{name}": values for name, values in SPACE.items()}
    found = search(piped, space, refit=False).fit(X, Y)
    assert Counted.fits[1.0] == 9 * 3
    plain = search(refit=False).fit(X, Y)
    assert list(found.cv_results_["rung"]) == list(plain.cv_results_["rung"])


def test_steps_can_be_searched():
    piped = make_pipeline(StandardScaler(), network())
    space = {
        "denseregressor": [network(width=4), network(width=8)],
        "standardscaler": [None, Counted(2.0)],
    }
    found = search(piped, space, n_candidates=4).fit(X, Y)
    assert found.cv_results_["rung"].max() == 2
    assert found.best_estimator_.predict(X).shape == (60,)


def test_fits_that_fail_get_the_score_of_errors_and_go_no_further():
    space = {"learning_rate": [1e-2, 1e30], "standardize": [False], "width": [4, 5, 6]}
    with pytest.warns(FitFailedWarning, match="fits failed"):
        found = search(space=space, n_candidates=6, n_slots=2).fit(X * 1e3, Y)
    failed = np.isnan(found.cv_results_["mean_test_score"])
    assert [p["learning_rate"] == 1e30 for p in found.cv_results_["params"]] == list(failed)
    assert failed.sum() == 3
    assert (found.cv_results_["rung"][failed] == 0).all()
    assert sum(found.fit_failures_.values()) == 9
    with pytest.raises(kohort.DivergedError):
        search(space=space, n_candidates=6, error_score="raise").fit(X * 1e3, Y)


def test_a_round_of_failures_alone_does_not_end_the_search():
    order = [1e-2, 1e30, 1e-2]
    pairs = zip((4, 5, 6), order, strict=True)
    space = [{"learning_rate": [rate], "width": [width]} for width, rate in pairs]
    with pytest.warns(FitFailedWarning, match="All the 3 fits failed"):
        found = search(
            space=space, n_candidates=3, n_slots=1, random_state=1, refit="r2",
            scoring={"r2": "r2"}, return_train_score=True,
        ).fit(X, Y)  # fmt: skip
    rates = [p["learning_rate"] for p in found.cv_results_["params"]]
    if rates[0] == 1e30:
        pytest.fail("choose another seed: the first round would end the search")
    assert np.isnan(found.cv_results_["mean_test_r2"]).sum() == 1
    with pytest.raises(ValueError, match="All the 3 fits failed"):
        search(space={"learning_rate": [1e30]}, n_candidates=1).fit(X, Y)

"""scikit-learn's callbacks on kohort's estimators, alone and in a search."""

import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.model_selection import GridSearchCV

import kohort

callback = pytest.importorskip("sklearn.callback")

pytestmark = pytest.mark.timeout(120)

X, Y = make_regression(60, 4, noise=5.0, random_state=0)


def regressor(**changes):
    own = {"depth": 1, "width": 8, "epochs": 4, "early_stopping": False, "random_state": 0}
    return kohort.DenseRegressor(**{**own, **changes})


class Listener:
    """Notes every hook that is called; may ask to stop, or raise an error."""

    def __init__(self, stop_after=None, error=None):
        self.stop_after, self.error = stop_after, error
        self.events, self.scores = [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, y):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.events.append(f"end {context.task_name}")
        if not context.task_name.startswith("epoch"):
            return False
        assert fitted_estimator.n_epochs_ == context.task_id + 1
        self.scores.append(fitted_estimator.score(X, y))
        if self.error is not None:
            raise self.error
        return context.task_id + 1 == self.stop_after


class Spread(Listener):
    """A listener that a search hands to its candidates."""

    max_propagation_depth = 1


class TestAlone:
    def test_hooks_are_called_in_order(self):
        listener = Listener()
        model = regressor(epochs=2).set_callbacks(listener).fit(X, Y)
        epochs = [f"{what} epoch {number}" for number in (1, 2) for what in ("begin", "end")]
        assert listener.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]
        assert listener.scores[-1] == pytest.approx(model.score(X, Y))

    def test_a_callback_changes_nothing(self):
        heard = regressor().set_callbacks(Listener()).fit(X, Y)
        np.testing.assert_array_equal(heard.predict(X), regressor().fit(X, Y).predict(X))

    def test_a_callback_asks_to_stop(self):
        model = regressor().set_callbacks(Listener(stop_after=2)).fit(X, Y)
        assert model.status_ == "stopped_by_callback"
        assert model.n_epochs_ == 2

    def test_an_error_of_a_callback_reaches_the_caller(self):
        listener = Listener(error=ValueError("broken"))
        with pytest.raises(ValueError, match="broken"):
            regressor().set_callbacks(listener).fit(X, Y)
        assert listener.events[-1] == "teardown"

    def test_a_scoring_monitor(self):
        monitor = callback.ScoringMonitor(scoring="r2")
        model = regressor().set_callbacks(monitor).fit(X, Y)
        rows = monitor.get_logs(select="most_recent").data
        assert len(rows) == 4
        assert rows[-1]["r2"] == pytest.approx(model.score(X, Y))

    def test_a_clone_keeps_its_callbacks(self):
        listener = Listener()
        clone(regressor().set_callbacks(listener)).fit(X, Y)
        assert listener.events.count("begin fit") == 1


def search(model=None):
    space = {"learning_rate": [1e-3, 1e-2]}
    return GridSearchCV(model or regressor(), space, cv=3, refit=False)


class TestTogether:
    def test_results_are_the_same(self):
        quiet = search().fit(X, Y).cv_results_["mean_test_score"]
        with kohort.together() as cohort:
            heard = search(regressor().set_callbacks(Listener())).fit(X, Y)
        assert cohort.census().ended == 6
        np.testing.assert_allclose(heard.cv_results_["mean_test_score"], quiet, rtol=1e-4)

    def test_one_callback_hears_every_fit(self):
        listener = Listener()
        with kohort.together():
            search(regressor().set_callbacks(listener)).fit(X, Y)
        assert listener.events.count("end fit") == 6
        assert listener.events.count("end epoch 4") == 6

    def test_a_stop_ends_one_fit_and_not_its_neighbours(self):
        model = regressor().set_callbacks(Listener(stop_after=2))
        with kohort.together() as cohort:
            threads = [
                threading.Thread(target=one.fit, args=(X, Y)) for one in (model, regressor())
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert sorted(entry.status for entry in cohort.record) == [
            "finished",
            "stopped_by_callback",
        ]

    def test_a_callback_of_the_search_reaches_the_fits(self):
        listener = Spread()
        with kohort.together():
            search().set_callbacks(listener).fit(X, Y)
        assert listener.events.count("setup") == listener.events.count("teardown") == 1
        assert listener.events.count("end epoch 4") == 6

    def test_scikit_learns_progress_bar(self, capsys):
        with kohort.together():
            model = search().set_callbacks(callback.ProgressBar())
            found = model.fit(X, Y).cv_results_["mean_test_score"]
        assert "GridSearchCV" in capsys.readouterr().out
        np.testing.assert_allclose(found, search().fit(X, Y).cv_results_["mean_test_score"])

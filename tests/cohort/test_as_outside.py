"""A search inside `kohort.together()` gives what it gives outside, for code that users bring."""

import random
import signal
import sqlite3
import sys
import threading
import time

import joblib
import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import make_regression
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

import kohort

pytestmark = pytest.mark.timeout(120)

X, Y = make_regression(60, 4, noise=5.0, random_state=0)
RATES = [1e-3, 1e-2, 1e-1]


def regressor(**changes):
    own = {"depth": 1, "width": 8, "epochs": 3, "early_stopping": False, "random_state": 0}
    return kohort.DenseRegressor(**{**own, **changes})


def search(model=None, name="learning_rate", **options):
    options = {"cv": 2, "refit": False, "error_score": "raise", **options}
    return GridSearchCV(model or regressor(), {name: RATES}, **options)


def scores(one):
    return one.fit(X, Y).cv_results_["mean_test_score"]


def inside_and_outside(make):
    outside = scores(make())
    with kohort.together() as cohort:
        inside = scores(make())
    assert cohort.census().ended == 6
    np.testing.assert_allclose(inside, outside, rtol=1e-3)


class Around(Ridge):
    """Does something before and after the fit of a network."""

    def __init__(self, alpha=1.0, before=None, after=None):
        super().__init__(alpha)
        self.before, self.after = before, after

    def fit(self, X, y):
        with self.before() if self.before else _nothing():
            regressor(learning_rate=self.alpha).fit(X, y)
        return super().fit(X, y)


class _nothing:  # noqa: N801
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class Noise(TransformerMixin, BaseEstimator):
    """Adds noise from the generators of the process."""

    def fit(self, X, y=None):
        self.scale_ = np.random.uniform() + random.random()
        return self

    def transform(self, X):
        return X * self.scale_


class TestCodeOfTheCallingThread:
    def test_a_scorer_with_a_connection(self):
        connection = sqlite3.connect(":memory:")
        connection.execute("create table seen (value real)")

        def scored(model, X, y):
            value = model.score(X, y)
            connection.execute("insert into seen values (?)", (value,))
            return value

        inside_and_outside(lambda: search(scoring=scored))
        assert connection.execute("select count(*) from seen").fetchone() == (12,)

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGALRM")
    def test_a_scorer_with_an_alarm(self):
        def scored(model, X, y):
            before = signal.signal(signal.SIGALRM, lambda *_: None)
            signal.alarm(5)
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
            return model.score(X, y)

        inside_and_outside(lambda: search(scoring=scored))

    def test_a_scorer_with_what_the_thread_keeps(self):
        here = threading.local()
        here.factor = 2.0
        inside_and_outside(lambda: search(scoring=lambda m, X, y: here.factor * m.score(X, y)))

    def test_nested_searches(self):
        here = threading.local()
        here.factor = 2.0

        def run():
            inner = search(scoring=lambda m, X, y: here.factor * m.score(X, y), refit=True)
            return cross_validate(inner, X, Y, cv=2, error_score="raise")["test_score"]

        outside = run()
        with kohort.together():
            inside = run()
        np.testing.assert_allclose(inside, outside, rtol=1e-3)

    def test_a_deep_stack(self):
        def deep(model, X, y, levels=600):
            return deep(model, X, y, levels - 1) if levels else model.score(X, y)

        inside_and_outside(lambda: search(scoring=deep))

    def test_error_settings_of_numpy_stay_with_their_task(self):
        def before():
            return np.errstate(divide="raise")

        with kohort.together() as cohort:
            scores(search(Around(before=before), "alpha"))
            assert np.geterr()["divide"] == "warn"
        assert cohort.census().ended == 6


class TestStateOfTheProcess:
    def test_random_numbers_before_the_fit(self):
        def make():
            np.random.seed(3)
            random.seed(3)
            model = make_pipeline(Noise(), regressor(standardize=False))
            return search(model, "denseregressor__learning_rate")

        inside_and_outside(make)

    def test_random_numbers_after_the_fit(self):
        """Scores draw from the generator that their own task left."""

        def scored(model, X, y):
            return model.score(X, y) + np.random.uniform()

        def run():
            np.random.seed(0)
            return scores(search(scoring=scored))

        with kohort.together():
            first = run()
            np.testing.assert_allclose(first, run(), rtol=1e-5)

    def test_the_seed_none(self):
        def make():
            np.random.seed(5)
            return search(regressor(random_state=None))

        inside_and_outside(make)

    def test_the_driver_goes_on_where_its_last_task_ended(self):
        def run():
            np.random.seed(1)
            scores(search(make_pipeline(Noise(), regressor()), "denseregressor__learning_rate"))
            return np.random.uniform()

        outside = run()
        with kohort.together():
            assert run() == outside

    @pytest.mark.parametrize("clear", [False, True])
    def test_seeds_and_sessions_of_keras_in_a_build_function(self, clear):
        def build(rate=0.01):
            if clear:
                keras.utils.clear_session(free_memory=False)
            keras.utils.set_random_seed(int(rate * 1e4))
            layers = [keras.Input((4,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(1)]
            return keras.Sequential(layers)

        def make():
            model = kohort.KerasRegressor(build, loss="mse", epochs=2, rate=0.01, random_state=0)
            return search(model, "rate")

        inside_and_outside(make)

    def test_settings_that_tasks_change_do_not_leak(self):
        before = sklearn.get_config(), dict(vars(joblib.parallel._backend))
        with kohort.together():
            kept = dict(vars(joblib.parallel._backend))
            scores(search(Around(before=lambda: sklearn.config_context(display="text")), "alpha"))
            assert vars(joblib.parallel._backend) == kept
        assert (sklearn.get_config(), dict(vars(joblib.parallel._backend))) == before


class TestLocksAroundFits:
    @pytest.mark.parametrize(
        "kind", [threading.Lock, threading.RLock, lambda: threading.Semaphore(1)]
    )
    @pytest.mark.parametrize("jobs", [None, 2])
    def test_the_next_task_waits_for_the_lock(self, kind, jobs):
        lock = kind()
        with kohort.together() as cohort:
            joblib.Parallel(n_jobs=jobs)(
                joblib.delayed(Around(alpha, before=lambda: lock).fit)(X, Y) for alpha in RATES
            )
        assert cohort.census().ended == 3

    def test_in_a_thread_that_has_no_signals(self):
        lock, errors = threading.Lock(), []

        def work():
            try:
                scores(search(Around(before=lambda: lock), "alpha"))
            except BaseException as error:
                errors.append(error)

        with kohort.together() as cohort:
            thread = threading.Thread(target=work)
            with joblib.parallel_config("kohort"):
                thread.start()
                thread.join(60)
        assert not thread.is_alive()
        assert errors == []
        assert cohort.census().ended == 6

    def test_a_lock_that_is_asked_for_again_and_again(self, monkeypatch):
        monkeypatch.setattr("kohort.cohort.watch._LONG", 0.5)
        lock = threading.Lock()

        class Polls:
            def __enter__(self):
                while not lock.acquire(blocking=False):
                    time.sleep(0.01)

            def __exit__(self, *_):
                lock.release()

        with kohort.together() as cohort:
            scores(search(Around(before=Polls), "alpha"))
        assert cohort.census().ended == 6

    def test_an_interrupted_search_with_a_lock(self):
        lock = threading.Lock()

        class Broken(Around):
            def fit(self, X, y):
                if self.alpha == RATES[-1]:
                    regressor().fit(X, y)
                    raise ValueError("broken")
                return super().fit(X, y)

        with kohort.together(), pytest.raises(ValueError, match="broken"):
            scores(search(Broken(before=lambda: lock), "alpha"))
        assert not lock.locked()


class TestFitsInsideCallbacks:
    @pytest.mark.parametrize("threads", [1, 2])
    def test_a_fit_inside_a_callback_trains_alone(self, threads):
        found = []

        class Inner(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                found.append(regressor().fit(X, Y).score(X, Y))

        def build():
            layers = [keras.Input((4,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(1)]
            return keras.Sequential(layers)

        model = kohort.KerasRegressor(
            build, loss="mse", epochs=2, random_state=0, callbacks=[Inner()]
        )
        with kohort.together(threads=threads):
            model.fit(X, Y)
        expected = regressor().fit(X, Y).score(X, Y)
        np.testing.assert_allclose(found, [expected] * 2, rtol=1e-4)

"""`kohort.together()` itself: backends, plain threads, memory, warnings, progress."""

import gc
import multiprocessing
import re
import sys
import threading
import warnings

import joblib
import numpy as np
import optuna
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import make_regression
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

import kohort
from kohort.cohort.session import current
from kohort.engine import plan
from kohort.engine.executors.base import Census
from kohort.engine.memory import available_memory
from kohort.engine.progress import Lines, Progress, describe

pytestmark = pytest.mark.timeout(120)

X, Y = make_regression(60, 4, noise=5.0, random_state=0)
RATES = [1e-3, 1e-2, 1e-1]


def regressor(**changes):
    own = {"depth": 1, "width": 8, "epochs": 3, "early_stopping": False, "random_state": 0}
    return kohort.DenseRegressor(**{**own, **changes})


def score(rate):
    return cross_val_score(regressor(learning_rate=rate), X, Y, cv=3)


def scores(**options):
    search = GridSearchCV(regressor(), {"learning_rate": RATES}, cv=3, **options)
    return search.fit(X, Y).cv_results_["mean_test_score"]


def fitted(rate):
    return regressor(learning_rate=rate).fit(X, Y).predict(X)


class TestBackend:
    def test_by_name_without_a_block(self):
        with joblib.parallel_config("kohort"):
            inside = scores()
        np.testing.assert_allclose(inside, scores(), rtol=1e-4)
        assert current() is None

    def test_options_of_the_backend(self):
        with joblib.parallel_config("kohort", memory=10**6, threads=1):
            inside = scores(refit=False)
        assert np.isfinite(inside).all()

    @pytest.mark.parametrize("how", ["generator", "generator_unordered"])
    def test_results_as_a_generator(self, how):
        with kohort.together() as cohort:
            parallel = joblib.Parallel(return_as=how)
            results = list(parallel(joblib.delayed(fitted)(rate) for rate in RATES))
        assert cohort.census().ended == 3
        expected = [fitted(rate) for rate in RATES]
        if how == "generator_unordered":
            results, expected = sorted(results, key=np.sum), sorted(expected, key=np.sum)
        np.testing.assert_allclose(results, expected, rtol=1e-4, atol=1e-4)

    def test_a_generator_inside_a_task(self):
        def work(rates):
            parallel = joblib.Parallel(return_as="generator")
            results = parallel(joblib.delayed(fitted)(rate) for rate in rates)
            return [result + regressor().fit(X, Y).predict(X) for result in results]

        with kohort.together():
            results = joblib.Parallel()(joblib.delayed(work)(RATES) for _ in range(2))
        np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-4)

    def test_a_generator_that_is_dropped(self):
        with kohort.together():
            results = joblib.Parallel(return_as="generator")(
                joblib.delayed(fitted)(rate) for rate in RATES
            )
            next(results)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results.close()
            assert np.isfinite(scores(refit=False)).all()

    def test_a_generator_beside_another_call(self):
        with kohort.together():
            parallel = joblib.Parallel(return_as="generator")
            results = parallel(joblib.delayed(fitted)(rate) for rate in RATES)
            between = scores(refit=False)
            assert len(list(results)) == 3
        np.testing.assert_allclose(between, scores(refit=False), rtol=1e-4)

    @pytest.mark.parametrize("jobs", [1, 2, -1, None])
    def test_shared_memory(self, jobs):
        seen = []
        with kohort.together():
            joblib.Parallel(n_jobs=jobs, require="sharedmem")(
                joblib.delayed(seen.append)(number) for number in range(5)
            )
        assert sorted(seen) == list(range(5))

    def test_zero_jobs_are_refused(self):
        with kohort.together(), pytest.raises(ValueError, match="n_jobs == 0"):
            joblib.effective_n_jobs(0)

    def test_no_tasks(self):
        with kohort.together():
            assert joblib.Parallel()(iter(())) == []

    def test_time_out(self, monkeypatch):
        monkeypatch.setattr("kohort.cohort.scheduler._PARTING", 0.05)
        over = threading.Event()
        with kohort.together():
            with pytest.raises(multiprocessing.TimeoutError):
                joblib.Parallel(timeout=0.05)(joblib.delayed(over.wait)(60) for _ in range(2))
            over.set()

    def test_more_tasks_than_joblib_dispatches_at_once(self):
        with kohort.together():
            results = joblib.Parallel()(joblib.delayed(abs)(-n) for n in range(2500))
        assert results == list(range(2500))


class TestBlocks:
    def test_a_block_inside_another_joins_it(self):
        with kohort.together() as outer:
            with kohort.together() as inner:
                assert inner is outer
                scores()
            scores()
        assert outer.census().ended == 20
        assert current() is None

    def test_blocks_of_two_threads_end_in_any_order(self):
        opened, closed = threading.Event(), threading.Event()

        def other():
            with kohort.together():
                opened.set()
                closed.wait()
                results.append(scores(refit=False))

        results = []
        thread = threading.Thread(target=other)
        with kohort.together():
            thread.start()
            opened.wait()
        closed.set()
        thread.join()
        np.testing.assert_allclose(results[0], scores(refit=False), rtol=1e-4)
        assert current() is None

    @pytest.mark.parametrize(
        "options", [{"memory": 0}, {"threads": 0}, {"threads": 1.5}, {"memory": True}]
    )
    def test_bad_options_are_refused(self, options):
        name = next(iter(options))
        with (
            pytest.raises(kohort.ParameterError, match=f"`{name}` must be"),
            kohort.together(**options),
        ):
            pass
        assert current() is None

    def test_free_memory_is_positive(self):
        assert available_memory() > 0


class TestPlainThreads:
    def test_their_fits_train_together(self):
        results = {}

        def work(rate):
            results[rate] = fitted(rate)

        with kohort.together() as cohort:
            threads = [threading.Thread(target=work, args=(rate,)) for rate in RATES]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert cohort.census().ended == 3
        for rate in RATES:
            np.testing.assert_allclose(results[rate], fitted(rate), rtol=1e-4, atol=1e-4)

    def test_optuna(self):
        def objective(trial):
            return score(trial.suggest_float("rate", 1e-3, 1e-1, log=True)).mean()

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        with kohort.together() as cohort:
            study.optimize(objective, n_trials=6, n_jobs=4)
        assert cohort.census().ended == 18
        for trial in study.trials:
            np.testing.assert_allclose(trial.value, score(trial.params["rate"]).mean(), rtol=1e-4)

    def test_threads_of_a_task(self):
        def work():
            with joblib.parallel_config("threading", n_jobs=2):
                return score(1e-2)

        with kohort.together():
            results = joblib.Parallel()(joblib.delayed(work)() for _ in range(2))
        np.testing.assert_allclose(results[0], score(1e-2), rtol=1e-4)

    def test_searches_of_two_threads(self):
        results = {}

        def work(name):
            with joblib.parallel_config("kohort"):
                results[name] = scores(refit=False)

        with kohort.together() as cohort:
            threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert cohort.census().ended == 27
        np.testing.assert_allclose(results[0], results[2], rtol=1e-4)


class Alive(TransformerMixin, BaseEstimator):
    """Counts how many fits have passed it and have not been scored yet."""

    now = most = 0

    def fit(self, X, y=None):
        type(self).now += 1
        type(self).most = max(type(self).most, type(self).now)
        return self

    def transform(self, X):
        return X


def counting_score(model, X, y):
    Alive.now -= 1
    return 0.0


class TestMemory:
    @pytest.mark.parametrize(("tables", "most"), [(3, 4), (1, 2)])
    def test_the_bound_holds_tasks_back(self, tables, most):
        wide = np.random.default_rng(0).normal(size=(40_000, 64))
        Alive.now = Alive.most = 0
        model = make_pipeline(Alive(), regressor(depth=0, epochs=1, batch_size=8192))
        space = {"denseregressor__learning_rate": list(np.geomspace(1e-4, 1e-2, 4))}
        search = GridSearchCV(model, space, cv=2, refit=False, scoring=counting_score)
        bound = tables * wide.nbytes  # A fold is half of the table, and is held twice.
        with kohort.together(memory=bound) as cohort:
            search.fit(wide, wide[:, 0])
        assert cohort.census().ended == 8
        assert Alive.most <= most

    def test_equal_folds_are_held_once(self, monkeypatch):
        tables = set()
        groups = plan.groups

        def looking(members):
            tables.update(member.rows for member in members)
            return groups(members)

        monkeypatch.setattr(plan, "groups", looking)
        with kohort.together() as cohort:
            scores(refit=False)
        assert cohort.census().ended == 9
        assert len(tables) == 3

    def test_nothing_is_left_behind(self):
        with kohort.together() as cohort:
            scores()
        gc.collect()
        scheduler = cohort.scheduler
        assert scheduler._tasks == set()
        assert scheduler._calls == set()
        assert scheduler._held == 0
        assert not scheduler.executor.busy


class OwnWarning(UserWarning):
    pass


class Warns(Ridge):
    """Warns around the fit of a network, inside and outside a block of its own."""

    def fit(self, X, y):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("before", OwnWarning, stacklevel=1)
            regressor(learning_rate=self.alpha).fit(X, y)
            warnings.warn("after", OwnWarning, stacklevel=1)
        assert [str(w.message) for w in caught if w.category is OwnWarning] == ["before", "after"]
        warnings.warn("outside", OwnWarning, stacklevel=1)
        return super().fit(X, y)


class TestWarnings:
    @pytest.mark.parametrize("jobs", [None, 2])
    def test_filters_are_what_they_were(self, jobs):
        before, function = list(warnings.filters), warnings.showwarning
        with kohort.together():
            scores(n_jobs=jobs)
            assert warnings.filters == before
        assert warnings.filters == before
        assert warnings.showwarning is function

    def test_filters_set_in_the_block_are_kept(self):
        with warnings.catch_warnings():
            with kohort.together():
                warnings.simplefilter("ignore", OwnWarning)
                changed = list(warnings.filters)
                scores()
            assert warnings.filters == changed

    def test_each_task_keeps_its_own(self):
        with kohort.together() as cohort, pytest.warns(OwnWarning, match="outside") as caught:
            cross_validate(
                GridSearchCV(Warns(), {"alpha": RATES}, cv=2, refit=False, error_score="raise"),
                X,
                Y,
                cv=2,
                error_score="raise",
                scoring=lambda *_: 0.0,
            )
        assert cohort.census().ended == 12
        assert [str(w.message) for w in caught if w.category is OwnWarning] == ["outside"] * 12

    def test_a_filter_of_the_driver_reaches_the_tasks(self):
        with kohort.together(), warnings.catch_warnings():
            warnings.simplefilter("error", OwnWarning)
            with pytest.raises(OwnWarning, match="outside"):
                cross_validate(Warns(alpha=1e-2), X, Y, cv=2, error_score="raise")


class TestProgress:
    def test_lines_where_there_is_no_terminal(self, capfd):
        with kohort.together(progress=True):
            scores()
        told = capfd.readouterr().err.splitlines()
        assert re.fullmatch(r"\[0:\d\d\] 10 of 10 fits, 0 training, 0 waiting.*early", told[-1])

    def test_a_bar_on_a_terminal(self, capfd, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        with Progress(lambda: Census(submitted=10, ended=10, progress=10.0), True):
            pass
        assert "10 of 10 fits" in capfd.readouterr().err

    def test_lines_come_each_half_minute_and_each_tenth(self):
        lines, told = Lines(), []
        for second in range(201):
            ended = second // 10 if second <= 50 else 5 + 95 * (second > 150)
            census = Census(submitted=100, training=2, ended=ended, progress=ended)
            told += [second] * (lines.due(census, second) is not None)
        # At the start, after 30 s each, and when a tenth more has ended.
        assert told == [0, 30, 60, 90, 120, 150, 151, 181]
        end = Census(submitted=100, ended=100, progress=100.0)
        assert lines.due(end, 7201.0, last=True) == (
            "[2:00:01] 100 of 100 fits, 0 training, 0 waiting, 0 stopped early"
        )

    def test_no_bar_without_a_terminal(self, capfd):
        with kohort.together():
            scores()
        assert capfd.readouterr().err == ""

    def test_the_census_in_words(self):
        census = Census(submitted=9, training=2, ended=4, stopped_early=3, diverged=1)
        assert describe(census) == (
            "4 of 9 fits, 2 training, 3 waiting, 3 stopped early, 1 diverged"
        )


def test_no_jobs_are_refused_as_joblib_refuses_them():
    with joblib.parallel_config("kohort"), pytest.raises(ValueError, match="n_jobs == 0"):
        joblib.Parallel(n_jobs=0)(joblib.delayed(abs)(number) for number in range(3))

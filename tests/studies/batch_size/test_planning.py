"""`plan_batch_size`: what it recommends was compiled and run, and fits."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV

import kohort
from kohort.cohort.session import session
from kohort.memo import Memo
from kohort.studies.batch_size import planning
from kohort.studies.batch_size.batch_size_plan import advised
from kohort.studies.batch_size.trials import MARGIN, Trial, Trials, in_turn
from kohort.studies.deadline import Deadline

SMALL = {"width": 8, "epochs": 3, "random_state": 0}


def build(n_features_in_, rate=0.01):
    model = keras.Sequential(
        [keras.Input((n_features_in_,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


def table(sizes, speeds):
    return pd.DataFrame(
        {"batch_size": sizes, "rows_per_second": speeds, "bytes": sizes, "tried": True}
    )


def plan_of(speeds, noise, reference=(32, 0.01), adaptive=False, epochs=100):
    sizes = [8 << power for power in range(len(speeds))]
    noise = (noise, [noise])
    return advised(table(sizes, speeds), noise, reference, adaptive, epochs, 2**30, "2 cores")


class TestAdvice:
    def test_without_noise_the_smallest_batch_is_best_unless_it_is_slow(self):
        assert plan_of([100.0] * 6, 0.0).batch_size == 8
        assert plan_of([1.0, 2.1, 4.5, 4.6, 4.6], 0.0).batch_size == 32

    def test_with_much_noise_the_fastest_is_best(self):
        plan = plan_of([1.0, 2.0, 4.0, 8.0, 7.0], 1e9)
        assert plan.batch_size == 64
        assert plan.table["time"].min() == 1

    def test_the_knee_is_the_smallest_of_the_nearly_fastest(self):
        assert plan_of([1.0, 5.0, 9.2, 10.0, 10.0], 100.0).knee == 32

    @pytest.mark.parametrize(("adaptive", "power"), [(False, 1), (True, 0.5)])
    def test_the_rate_follows_mccandlish(self, adaptive, power):
        plan = plan_of([1.0, 2, 4, 8, 16, 32], 300.0, adaptive=adaptive)
        factor = (1 + 300 / 32) / (1 + 300 / plan.batch_size)
        assert plan.rate_factor == pytest.approx(factor**power)
        assert plan.learning_rate == pytest.approx(0.01 * factor**power)

    def test_a_large_batch_gets_a_warm_up(self):
        steep = [float(4**power) for power in range(8)]
        assert plan_of(steep, 1e6).warmup == 5
        assert plan_of(steep, 1e6, epochs=30).warmup == 3
        assert plan_of([8.0, 8, 8, 1], 10.0).warmup == 0

    def test_unknown_noise_takes_the_knee(self):
        for noise in (np.inf, np.nan):
            plan = plan_of([1.0, 2.0, 4.0, 4.1, 4.1], noise)
            assert plan.batch_size == plan.knee == 32
            assert "beyond what these rows can show" in str(plan)

    def test_noise_that_was_not_measured_is_said_to_be_so(self):
        plan = replace(plan_of([1.0, 2.0], np.nan), noise_scales=[])
        assert "no time to measure the gradient noise scale" in str(plan)

    def test_a_schedule_of_the_optimizer_has_no_single_rate(self):
        plan = plan_of([1.0, 2.0], 10.0, reference=(32, None))
        assert plan.learning_rate is None
        assert "learning_rate" not in str(plan)


@pytest.mark.rest
@pytest.mark.parametrize(
    "estimator",
    [
        kohort.DenseRegressor(**SMALL),
        kohort.DenseRegressor(**SMALL, pretrain="autoencoder", schedule="1cycle", dropout=0.1),
        kohort.KerasRegressor(build, epochs=3, random_state=0),
    ],
    ids=["dense", "techniques", "keras"],
)
def test_a_plan_tells_bytes_rates_and_advice(estimator, diabetes):
    before = {k: repr(v) for k, v in estimator.get_params().items()}
    plan = kohort.plan_batch_size(estimator, *diabetes, seconds=1e-6)
    sizes = list(plan.table["batch_size"])
    assert sizes == [8, 16, 32, 64, 128, 256]
    assert plan.table["tried"].sum() == 1
    assert plan.batch_size in sizes
    assert plan.largest == 256
    for column in ("bytes", "rows_per_second", "cohort_bytes", "members", "most_members"):
        assert (plan.table[column] > 0).all()
    assert (plan.table["cohort_bytes"] > plan.table["bytes"]).all()
    assert f"batch_size={plan.batch_size}" in str(plan)
    assert {k: repr(v) for k, v in estimator.get_params().items()} == before
    assert not hasattr(estimator, "weights_")


def test_no_size_beyond_the_memory_is_listed(diabetes, monkeypatch):
    monkeypatch.setattr("kohort.studies.batch_size.trials._ROUNDS", 0)
    diabetes = [part[:50] for part in diabetes]
    model = kohort.DenseRegressor(**SMALL)
    free = kohort.plan_batch_size(model, *diabetes, seconds=1e6)
    assert free.table["tried"].all()
    needed = int(free.table["bytes"].iloc[1] / MARGIN) + 1
    plan = kohort.plan_batch_size(model, *diabetes, seconds=1e6, memory=needed)
    assert list(plan.table["batch_size"]) == [8, 16]
    with pytest.raises(kohort.ParameterError, match="`memory` must be enough for one member"):
        kohort.plan_batch_size(model, *diabetes, memory=1000)


class Clock:
    """Stands still but for what is said to take its time."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def taking(self, seconds, found):
        """A function that takes so long."""

        def run(*given, **more):
            self.now += seconds
            return found(*given, **more)

        return run


@pytest.fixture
def clock():
    return Clock()


class TestTime:
    @staticmethod
    def _bytes(structure, slots, device, streamed):
        return SimpleNamespace(total=100 * slots)

    @pytest.fixture
    def planned(self, clock, diabetes, monkeypatch):
        def planned(compiling):
            for name, seconds, found in (
                ("footprint", compiling, self._bytes),
                ("training_speed", 0.5, lambda *given: SimpleNamespace(rows_per_second=1e3)),
            ):
                where = f"kohort.studies.batch_size.trials.{name}"
                monkeypatch.setattr(where, clock.taking(seconds, found))
            for name, seconds, found in (
                ("_points", 1.0, lambda member, deadline: [member.initial_variables()]),
                ("measured_noise_scale", compiling, lambda *given: (50.0, [50.0])),
            ):
                monkeypatch.setattr(planning, name, clock.taking(seconds, found))
            told, model = [], kohort.DenseRegressor(**SMALL)
            deadline = Deadline(20.0, clock)
            return planning.measured_batch_sizes(
                model, *diabetes, 10**6, deadline, {}, told.append
            ), told

        return planned

    @pytest.mark.parametrize("compiling", [0.2, 1.0, 3.0, 7.0, 15.0])
    def test_it_holds_compiling_included(self, planned, clock, compiling):
        plan, told = planned(compiling)
        assert clock.now <= 20
        assert plan.table["tried"].sum() == len(told) >= 1

    def test_what_there_was_no_time_for_is_said(self, planned):
        plan, (first,) = planned(15.0)
        assert str(first).startswith("batch size 32: 0.0 MiB, 1,000 rows per second")
        assert plan.batch_size == 32
        assert "for 8, 16, 64, 128, 256 there was no time: they are estimated" in str(plan)
        assert "no time to measure the gradient noise scale" in str(plan)
        plan, _ = planned(0.2)
        assert "of 6 sizes, all were compiled and run" in str(plan)
        assert "noise scale is about 50" in str(plan)


class TestTrials:
    @pytest.fixture
    def trials(self):
        trials = Trials(lambda size: None, [8, 16, 32, 64, 128], [None], 10_000, Deadline(0.0))
        trials._found = {
            size: Trial(size, 100 + 10 * size, 10 * size, 4, size / (1 + size / 32), 9.0 * size)
            for size in (8, 32)
        }
        return trials

    def test_bytes_are_on_the_line_of_those_that_were_tried(self, trials):
        table = trials.table()
        assert list(table["bytes"]) == [100 + 10 * size for size in table["batch_size"]]
        assert list(table["tried"]) == [True, False, True, False, False]

    def test_sizes_that_would_not_fit_are_left_out(self, trials):
        trials._usable = 100 + 10 * 64
        assert trials.table()["batch_size"].max() == 64

    def test_a_step_of_more_rows_takes_longer_but_not_more_than_in_proportion(self, trials):
        table = trials.table()
        steps = table["batch_size"] / table["rows_per_second"]
        assert (np.diff(steps) > 0).all()
        assert (np.diff(table["rows_per_second"]) > -1e-9).all()

    def test_a_busy_moment_changes_nothing_that_a_quiet_one_has_shown(self, monkeypatch):
        quiet = iter([100.0, 100.0, 3.0, 3.0, 90.0, 120.0])
        monkeypatch.setattr(
            "kohort.studies.batch_size.trials.training_speed",
            lambda *given: SimpleNamespace(rows_per_second=next(quiet)),
        )
        trials = Trials(lambda size: None, [8], [None], 1, Deadline(0.0))
        trial = Trial(8, 1.0, 1.0, 1)
        for _ in range(3):
            trials._time(trial)
        assert (trial.alone, trial.cohort) == (100.0, 120.0)

    @pytest.mark.parametrize(
        ("overhead", "noise"), [(5, 500.0), (50, 50.0), (50, np.inf), (500, 500.0)]
    )
    def test_plans_of_one_thing_agree_within_a_doubling_on_a_busy_machine(
        self, overhead, noise, monkeypatch
    ):
        sizes, where = [8 << power for power in range(9)], "kohort.studies.batch_size.trials."
        turns, device = [], SimpleNamespace(platform="cpu")

        def planned(seed, quiet=1 / 4):
            generator = np.random.default_rng(seed)

            def speed(member, *given):
                turns.append(size := member.size)
                busy = generator.random() > quiet
                share = generator.uniform(0.1, 1.0) if busy else generator.uniform(0.98, 1.0)
                return SimpleNamespace(rows_per_second=share * size / (overhead + size))

            monkeypatch.setattr(f"{where}training_speed", speed)
            trials = Trials(member, sizes, [device], 10**9, Deadline(1e9, lambda: 0.0))
            trials.run()
            trials.repeat()
            noises = (noise, [noise])
            return advised(trials.table(), noises, (32, 0.01), True, 30, 10**9, "").batch_size

        def member(size):
            return SimpleNamespace(size=size, rows=SimpleNamespace(streamed=False))

        monkeypatch.setattr(f"{where}structure_of", lambda member: member.size)
        monkeypatch.setattr(
            f"{where}footprint", lambda size, *given, streamed: SimpleNamespace(total=size)
        )
        monkeypatch.setattr(f"{where}slots_of", lambda *given, streamed: 1)
        found = [planned(seed) for seed in range(24)]
        assert max(found) <= 2 * min(found)
        turns.clear()
        planned(0, quiet=1.0)
        assert len(turns) == 2 * (1 + 3) * len(sizes)  # A quiet machine: three rounds are enough.

    @pytest.mark.parametrize("count", range(1, 12))
    def test_every_size_has_its_turn_once(self, count):
        sizes = [8 << power for power in range(count)]
        assert sorted(in_turn(sizes)) == sizes


def test_the_largest_batch_is_all_rows(diabetes):
    X, y = diabetes
    estimator = kohort.DenseRegressor(**SMALL, early_stopping=False)
    assert kohort.plan_batch_size(estimator, X[:20], y[:20]).largest == 16


def test_bad_questions_are_refused(diabetes):
    with pytest.raises(kohort.ParameterError, match="`memory` must be"):
        kohort.plan_batch_size(kohort.DenseRegressor(), *diabetes, memory=0)
    with pytest.raises(kohort.ParameterError, match="`seconds` must be"):
        kohort.plan_batch_size(kohort.DenseRegressor(), *diabetes, seconds=0)
    with pytest.raises(kohort.ParameterError, match="`estimator` must be a kohort estimator"):
        kohort.plan_batch_size(LinearRegression(), *diabetes)
    estimator = kohort.KerasRegressor(build, fit__batch_size=4)
    with pytest.raises(kohort.ParameterError, match="fit__batch_size"):
        kohort.plan_batch_size(estimator, *diabetes)


def test_a_plan_draws_itself(diabetes):
    plan = kohort.plan_batch_size(kohort.DenseRegressor(**SMALL), *diabetes, seconds=1e-6)
    titles = [axes.get_title("left") for axes in plan.plot().axes]
    assert [title.split(",")[0] for title in titles] == [
        "Rows per second", "Memory in MiB", "Time to a given loss",
    ]  # fmt: skip


class TestAuto:
    @pytest.fixture(autouse=True)
    def hurried(self, monkeypatch):
        monkeypatch.setattr("kohort.studies.batch_size.planning._AUTO_SECONDS", 1e-6)

    def test_dense_trains_as_the_plan_says(self, diabetes):
        model = kohort.DenseRegressor(**SMALL, batch_size="auto").fit(*diabetes)
        plan = model.batch_size_plan_
        assert model.recipe_.batch_size == plan.batch_size
        assert model.recipe_.learning_rate == pytest.approx(0.001 * plan.rate_factor)
        same = kohort.DenseRegressor(
            **SMALL,
            batch_size=plan.batch_size,
            learning_rate=0.001 * plan.rate_factor,
            warmup=plan.warmup,
        ).fit(*diabetes)
        np.testing.assert_array_equal(model.predict(diabetes[0]), same.predict(diabetes[0]))

    def test_keras_trains_as_the_plan_says(self, diabetes):
        model = kohort.KerasRegressor(build, batch_size="auto", random_state=0).fit(*diabetes)
        plan = model.batch_size_plan_
        rate = float(model.model_.optimizer.learning_rate)
        assert rate == pytest.approx(0.01 * plan.rate_factor, rel=1e-5)

    @pytest.mark.rest
    def test_fits_of_a_search_share_the_trials_of_each_structure(self, monkeypatch):
        X, y = (part[:500] for part in load_breast_cancer(return_X_y=True))
        asked, real = [], planning._tried
        monkeypatch.setattr(planning, "_tried", lambda *given: asked.append(given) or real(*given))
        monkeypatch.setattr(session(), "plans", Memo(64))
        search = GridSearchCV(
            kohort.DenseClassifier(**SMALL, activation="swish", batch_size="auto"),
            {"learning_rate": [1e-3, 1e-2], "dropout": [0.0, 0.1]},
            cv=2,
        )
        with kohort.together():
            search.fit(X, y)
        assert len(asked) <= 4  # With dropout and without, folds and the refit.
        assert np.isfinite(search.best_score_)

    def test_other_rows_of_the_same_shape_have_a_noise_scale_of_their_own(
        self, diabetes, monkeypatch
    ):
        monkeypatch.setattr(session(), "plans", Memo(64))
        monkeypatch.setattr(planning, "_AUTO_SECONDS", 300.0)
        monkeypatch.setattr(planning, "_tried", lambda *given: (table([8, 16], [1.0, 2.0]), 0.0))
        X, y = diabetes
        noise = np.random.default_rng(0).normal(size=y.shape)
        model = kohort.DenseRegressor(**SMALL, batch_size="auto")
        found = [clone(model).fit(X, t).batch_size_plan_.noise_scale for t in (y, noise, y)]
        assert found[0] == found[2] != found[1]

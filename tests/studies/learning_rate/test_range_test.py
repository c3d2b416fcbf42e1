"""`find_learning_rate` and `"auto"`: a closed form, one cohort, nothing touched, shared tests."""

import random
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV

import kohort
from kohort.cohort.session import session
from kohort.engine.programs import compilations
from kohort.memo import Memo
from kohort.studies import automatic
from kohort.studies.learning_rate import range_test
from kohort.studies.learning_rate.rate_finding import SHARE
from kohort.studies.prepared import prepared_fit

SMALL = {"width": 16, "epochs": 4, "random_state": 0}


def build(n_features_in_, rate=0.01):
    model = keras.Sequential(
        [keras.Input((n_features_in_,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def scaled(diabetes):
    X, y = diabetes
    return X / X.std(axis=0), (y - y.mean()) / y.std()


@pytest.fixture
def cohorts(monkeypatch):
    """The members of each call that trains a sweep."""
    calls, real = [], session().train
    monkeypatch.setattr(session(), "train", lambda members: calls.append(members) or real(members))
    return calls


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(session(), "findings", Memo(16))


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_a_quadratic_is_stable_at_the_suggestion_and_not_far_from_its_limit(scale):
    generator = np.random.default_rng(0)
    X = scale * generator.normal(size=(256, 5)) * [1, 1, 0.5, 0.5, 0.2]
    y = X @ generator.normal(size=5) / scale
    model = kohort.DenseRegressor(
        depth=0, optimizer="sgd", batch_size=256, standardize=False, early_stopping=False
    )
    found = kohort.find_learning_rate(model, X, y, seeds=3, steps=800)
    full = np.column_stack([X, np.ones(len(X))])
    limit = 2 / np.linalg.eigvalsh(2 * full.T @ full / len(X)).max()
    assert limit <= found.edge <= 2.5 * limit
    assert limit / SHARE <= found.learning_rate <= limit / 8


def test_the_losses_of_a_quadratic_are_those_of_gradient_descent(scaled):
    X, y = scaled
    model = kohort.DenseRegressor(
        depth=0, optimizer="sgd", batch_size=len(X), standardize=False, early_stopping=False
    )
    member = _first(model, scaled)
    kernel, bias = member.initial_variables()
    weights = np.append(kernel[:, 0], bias).astype(np.float64)
    full, losses = np.column_stack([X, np.ones(len(X))]), []
    for rate in np.geomspace(1e-4, 1.0, 50):
        error = full @ weights - y
        losses.append(np.mean(error**2))
        weights = weights - rate * 2 * full.T @ error / len(X)
    found = kohort.find_learning_rate(model, X, y, seeds=1, low=1e-4, high=1.0, steps=50)
    np.testing.assert_allclose(found.curves["loss"], losses, rtol=2e-4)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (kohort.DenseRegressor(**SMALL), "learning_rate"),
        (kohort.DenseRegressor(**SMALL, dropout=0.1, schedule="1cycle"), "learning_rate"),
        (kohort.KerasRegressor(build, epochs=2), "optimizer__learning_rate"),
        (kohort.KerasRegressor(build(10), epochs=2), "optimizer__learning_rate"),
    ],
    ids=["dense", "techniques", "function", "model"],
)
def test_nothing_is_touched_and_all_seeds_are_one_cohort(estimator, name, scaled, cohorts):
    estimator = clone(estimator).set_params(random_state=np.random.RandomState(3))
    before = repr(estimator.get_params()), str(estimator.random_state.get_state())
    states = random.getstate(), str(np.random.get_state())
    with compilations() as log:
        found = kohort.find_learning_rate(estimator, *scaled, steps=100)
    assert [entry.kind for entry in log] in ([], ["train"])
    assert [len(members) for members in cohorts] == [8]
    assert found.parameter == name
    assert (repr(estimator.get_params()), str(estimator.random_state.get_state())) == before
    assert (random.getstate(), str(np.random.get_state())) == states
    assert not hasattr(estimator, "weights_")
    assert 50 < found.curves.groupby("seed").size().max() <= 100
    assert found.curves.groupby("seed")["loss"].last().nunique() == 8


@pytest.mark.usefixtures("on_xla")
def test_a_fit_after_the_test_compiles_nothing_more(scaled):
    model = kohort.DenseRegressor(**SMALL, activation="elu", early_stopping=False)
    with compilations() as log:
        kohort.find_learning_rate(model, *scaled, steps=60)
        model.fit(*scaled)
    assert [entry.kind for entry in log] == ["train"]


def test_a_fitted_estimator_stays_as_it_is(scaled):
    model = kohort.KerasRegressor(build, epochs=2, random_state=0).fit(*scaled)
    weights, rate = [w.copy() for w in model.weights_], float(model.model_.optimizer.learning_rate)
    kohort.find_learning_rate(model, *scaled, steps=60, seeds=2)
    for one, other in zip(weights, model.weights_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert float(model.model_.optimizer.learning_rate) == rate


@pytest.mark.parametrize(
    "estimator",
    [kohort.DenseRegressor(**SMALL), kohort.KerasRegressor(build, epochs=2)],
    ids=["dense", "keras"],
)
def test_a_seed_alone_has_the_curve_that_it_has_among_others(estimator, scaled):
    alone = kohort.find_learning_rate(estimator, *scaled, steps=60, seeds=1).curves
    among = kohort.find_learning_rate(estimator, *scaled, steps=60, seeds=3).curves
    among = among[among["seed"] == 0]
    np.testing.assert_allclose(alone["loss"], among["loss"][: len(alone)], rtol=2e-4)
    np.testing.assert_allclose(alone["rate"], np.geomspace(1e-6, 10, 60)[: len(alone)])


def test_seeds_of_a_keras_model_start_from_other_weights(scaled):
    found = kohort.find_learning_rate(kohort.KerasRegressor(build), *scaled, steps=60, seeds=4)
    first = found.curves[found.curves["step"] == 0]
    assert first["loss"].nunique() == 4


def test_the_default_length_is_that_of_the_fit_within_limits(scaled):
    def steps(**settings):
        model = kohort.DenseRegressor(**{**SMALL, **settings}, early_stopping=False)
        return len(range_test.sweep(1, 2, range_test._steps(_first(model, scaled))))

    assert steps(epochs=1) == 200
    assert steps(epochs=30) == 30 * 14
    assert steps(epochs=1000) == 800


def _first(model, rows):
    prepared = prepared_fit(range_test.bare(model), *rows, {})
    return range_test.seeded_members(prepared, 1, "learning_rate")[0]


def test_callbacks_hear_nothing(scaled):
    class Loud(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise AssertionError

        def on_batch_end(self, batch, logs=None):
            raise AssertionError

    model = kohort.KerasRegressor(build, callbacks=[Loud()])
    assert kohort.find_learning_rate(model, *scaled, steps=60, seeds=2).parameter
    model = kohort.KerasRegressor(build)
    assert kohort.find_learning_rate(model, *scaled, steps=60, seeds=2, callbacks=[Loud()])


class TestBadQuestions:
    def test_parameters(self, diabetes):
        for name, value in (("seeds", 0), ("steps", 10), ("high", -1), ("low", 20.0)):
            with pytest.raises(kohort.ParameterError, match=f"`{name}` must be"):
                kohort.find_learning_rate(kohort.DenseRegressor(), *diabetes, **{name: value})
        with pytest.raises(kohort.ParameterError, match="`estimator` must be a kohort estimator"):
            kohort.find_learning_rate(LinearRegression(), *diabetes)

    def test_a_schedule_of_the_optimizers_own(self, diabetes):
        decay = keras.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9)
        model = kohort.KerasRegressor(build, rate=decay)
        words = "`optimizer__learning_rate` must be a number here, not a schedule .*Exponential"
        with pytest.raises(kohort.ParameterError, match=words):
            kohort.find_learning_rate(model, *diabetes)

    def test_a_fit_in_the_loop_of_keras_does_not_even_begin(self, diabetes):
        model = kohort.KerasRegressor(build, compile__steps_per_execution=2, epochs=10**6)
        with pytest.raises(
            kohort.ParameterError, match=r"a cohort can take; .*steps_per_execution"
        ):
            kohort.find_learning_rate(model, *diabetes)


class TestAuto:
    def test_dense_trains_with_the_rate_that_is_found(self, scaled, fresh):
        model = kohort.DenseRegressor(**SMALL, learning_rate="auto").fit(*scaled)
        found = kohort.find_learning_rate(kohort.DenseRegressor(**SMALL), *scaled)
        assert model.recipe_.learning_rate == found.learning_rate
        assert str(model.rate_finding_) == str(found)
        assert model.learning_rate == "auto"
        same = kohort.DenseRegressor(**SMALL, learning_rate=found.learning_rate).fit(*scaled)
        np.testing.assert_array_equal(model.predict(scaled[0]), same.predict(scaled[0]))
        again = clone(model).fit(*scaled)
        np.testing.assert_array_equal(model.predict(scaled[0]), again.predict(scaled[0]))

    def test_it_can_be_saved_and_exported(self, scaled, tmp_path):
        model = kohort.DenseRegressor(**SMALL, learning_rate="auto").fit(*scaled)
        model.save(tmp_path / "model")
        loaded = kohort.load(tmp_path / "model")
        assert loaded.learning_rate == "auto"
        np.testing.assert_array_equal(model.predict(scaled[0]), loaded.predict(scaled[0]))
        rate = float(model.to_keras().optimizer.learning_rate)
        assert rate == pytest.approx(model.recipe_.learning_rate, rel=1e-6)

    @pytest.mark.parametrize("optimizer", [None, "adam"])
    def test_keras_trains_with_the_rate_that_is_found(self, optimizer, scaled):
        model = kohort.KerasRegressor(build, optimizer=optimizer, epochs=3, random_state=0)
        found = kohort.find_learning_rate(model, *scaled)
        auto = clone(model).set_params(optimizer__learning_rate="auto").fit(*scaled)
        assert float(auto.model_.optimizer.learning_rate) == np.float32(found.learning_rate)
        same = clone(model).set_params(optimizer__learning_rate=found.learning_rate).fit(*scaled)
        np.testing.assert_allclose(auto.predict(scaled[0]), same.predict(scaled[0]), rtol=1e-5)

    def test_images(self):
        X = np.random.default_rng(0).integers(0, 255, (40, 6, 6, 1), np.uint8)
        y = X.mean(axis=(1, 2, 3)) / 255 + np.random.default_rng(1).normal(size=40)
        options = {"depth": 1, "width": 4, "epochs": 1, "batch_norm": False, "random_state": 0}
        auto = kohort.ConvRegressor(**options, learning_rate="auto").fit(X, y)
        found = auto.rate_finding_
        assert found.parameter == "learning_rate"
        assert len(found.median) <= 200
        assert float(auto.model_.optimizer.learning_rate) == np.float32(found.learning_rate)

    @pytest.mark.parametrize("kind", ["dense", "keras"])
    def test_the_rate_is_found_for_the_batch_size_that_is_planned(self, kind, scaled, monkeypatch):
        plan = SimpleNamespace(batch_size=64, rate_factor=3.0, warmup=1.0)
        for module in (automatic, range_test):
            monkeypatch.setattr(module, "automatic_batch_size", lambda *given: plan)
        if kind == "dense":
            model, name = kohort.DenseRegressor(**SMALL), "learning_rate"
        else:
            model = kohort.KerasRegressor(build, epochs=4, random_state=0)
            name = "optimizer__learning_rate"
        found = kohort.find_learning_rate(clone(model).set_params(batch_size=64), *scaled)
        undecided = clone(model).set_params(batch_size="auto")
        assert kohort.find_learning_rate(undecided, *scaled).learning_rate == found.learning_rate
        model.set_params(batch_size="auto", **{name: "auto"}).fit(*scaled)
        assert model.batch_size_plan_ is plan
        if kind == "dense":
            assert (model.recipe_.batch_size, model.recipe_.warmup) == (64, 1.0)
            assert model.recipe_.learning_rate == found.learning_rate
        else:
            assert float(model.model_.optimizer.learning_rate) == np.float32(found.learning_rate)

    def test_without_a_suggestion_the_default_is_kept_with_a_warning(self, scaled, fresh):
        X, y = np.zeros_like(scaled[0]), np.zeros(len(scaled[1]))
        model = kohort.DenseRegressor(**SMALL, learning_rate="auto")
        with pytest.warns(kohort.RateWarning, match="`learning_rate='auto'` keeps the default"):
            model.fit(X, y)
        assert model.recipe_.learning_rate == 0.001
        keras_model = kohort.KerasRegressor(build, rate=0.02, optimizer__learning_rate="auto")
        with pytest.warns(kohort.RateWarning, match="optimizer__learning_rate"):
            keras_model.fit(X, y)
        assert float(keras_model.model_.optimizer.learning_rate) == np.float32(0.02)

    def test_it_takes_the_place_of_a_schedule(self, scaled):
        decay = keras.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9)
        model = kohort.KerasRegressor(build, rate=decay, optimizer__learning_rate="auto")
        model.fit(*scaled)
        rate = float(model.model_.optimizer.learning_rate)
        assert rate == np.float32(model.rate_finding_.learning_rate)

    def test_candidates_of_one_structure_share_the_tests_of_their_rows(
        self, scaled, cohorts, fresh
    ):
        grid = {"dropout": [0.1, 0.2], "l2": [1e-4, 1e-3], "width": [9, 15]}
        estimator = kohort.DenseRegressor(**SMALL, learning_rate="auto", activation="swish")
        search = GridSearchCV(estimator, grid, cv=2)
        with kohort.together() as cohort:
            search.fit(*scaled)
        assert len(cohort.record) == 2 * 8 + 1
        assert len(cohorts) == 3  # Two folds and the refit.
        assert np.isfinite(search.best_score_)
        alone = clone(search.best_estimator_).fit(*scaled)
        assert alone.recipe_.learning_rate == search.best_estimator_.recipe_.learning_rate

    def test_other_rows_or_momentum_have_a_test_of_their_own(self, scaled, cohorts, fresh):
        model = kohort.DenseRegressor(**SMALL, optimizer="momentum", learning_rate="auto")
        model.fit(*scaled)
        clone(model).fit(*scaled)
        assert len(cohorts) == 1
        clone(model).set_params(momentum=0.5).fit(*scaled)
        assert len(cohorts) == 2
        clone(model).fit(scaled[0][:300], scaled[1][:300])
        assert len(cohorts) == 3

"""Preparing: X is checked and scaled once per fit, and a prepared fit trains as `fit` does."""

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes

import kohort
from kohort.engine.executors.local import LocalExecutor, train
from kohort.estimators import preparation
from kohort.estimators.keras_models import estimator as keras_estimator
from kohort.estimators.scaling import Scaling

SMALL = {"width": 8, "epochs": 2, "random_state": 0}


def build(n_features_in_):
    model = keras.Sequential([keras.Input((n_features_in_,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


@pytest.fixture(scope="module")
def rows():
    X, y = load_diabetes(return_X_y=True)
    return X[:100], y[:100] / 100


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr("kohort.studies.batch_size.planning._AUTO_SECONDS", 1e-6)


def counted(monkeypatch, place, name):
    """The calls of a function, which still does what it did."""
    calls, real = [], getattr(place, name)

    def heard(*given, **options):
        calls.append(given)
        return real(*given, **options)

    monkeypatch.setattr(place, name, heard)
    return calls


def test_a_dense_fit_checks_and_scales_its_table_once(rows, monkeypatch, hurried):
    checks = counted(monkeypatch, preparation, "validate_data")
    passes = counted(monkeypatch, Scaling, "rows")
    model = kohort.DenseRegressor(**SMALL, batch_size="auto", learning_rate="auto")
    model.fit(*rows)
    assert (len(checks), len(passes)) == (1, 1)
    assert model.recipe_.batch_size == model.batch_size_plan_.batch_size
    assert model.recipe_.learning_rate == model.rate_finding_.learning_rate


def test_a_keras_fit_checks_its_table_once(rows, monkeypatch, hurried):
    checks = counted(monkeypatch, keras_estimator, "inputs_of")
    flattened = counted(monkeypatch, keras_estimator, "flat")
    model = kohort.KerasRegressor(build, epochs=2, random_state=0, batch_size="auto")
    model.set_params(optimizer__learning_rate="auto").fit(*rows)
    assert (len(checks), len(flattened)) == (1, 1)
    assert model.batch_size_plan_.batch_size == model._ready.batch_size


@pytest.mark.parametrize(
    "estimator",
    [
        kohort.DenseRegressor(**SMALL, n_networks=2),
        kohort.KerasRegressor(build, epochs=2, random_state=0, validation_split=0.2),
    ],
    ids=["dense", "keras"],
)
def test_a_prepared_fit_trains_as_fit_does(estimator, rows):
    prepared = clone(estimator).prepare(*rows)
    with pytest.raises(ValueError, match="not fitted yet"):
        prepared.estimator.predict(rows[0])
    prepared.estimator._begun(prepared).train()
    taken = prepared.take(train(prepared.members))
    fitted = clone(estimator).fit(*rows)
    np.testing.assert_allclose(taken.predict(rows[0]), fitted.predict(rows[0]), rtol=1e-6)


def test_variants_share_the_rows(rows):
    prepared = kohort.DenseRegressor(**SMALL, dropout=0.1).prepare(*rows)
    variants = [
        prepared.with_batch_size(8), prepared.with_rate(0.5), prepared.with_warmup(1.0),
        prepared.typical(),
    ]  # fmt: skip
    assert all(v.members[0].rows is prepared.members[0].rows for v in variants)
    assert [prepared.batch_size, variants[0].batch_size] == [32, 8]
    assert variants[1].rate == 0.5
    assert [member.seed for member in prepared.seeded([3, 4])] == [3, 4]


def test_studies_use_no_more_threads_than_the_open_cohort(rows, monkeypatch):
    threads, real = [], LocalExecutor.__init__
    monkeypatch.setattr(
        LocalExecutor, "__init__", lambda self, n=None, *a: threads.append(n) or real(self, n, *a)
    )
    with kohort.together(threads=1) as cohort:
        kohort.DenseRegressor(**SMALL, learning_rate="auto", activation="tanh").fit(*rows)
    assert threads == [1]
    assert len(cohort.record) == 1

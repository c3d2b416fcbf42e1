"""`initialize`, `warm_start` and `partial_fit`; groups of candidates; traces that are shared."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

import kohort
from kohort.engine.programs import compilations
from kohort.networks.lifted import tracing


def model(models, **options):
    return kohort.KerasRegressor(models["chain"], shuffle=False, random_state=0, **options)


def test_warm_start_and_partial_fit_go_on_with_the_optimizer(models, rows):
    X, y, _ = rows
    whole = model(models, epochs=6).fit(X, y)
    halves = model(models, epochs=3, warm_start=True).fit(X, y).fit(X, y)
    parts = model(models)
    for _ in range(6):
        parts.partial_fit(X, y)
    for other in (halves, parts):
        assert other.n_epochs_ == 6
        np.testing.assert_allclose(other.history_["loss"], whole.history_["loss"], rtol=1e-5)
        for ours, theirs in zip(other.weights_, whole.weights_, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_initialize_builds_without_training(models, rows):
    X, y, _ = rows
    fresh = model(models).initialize(X, y)
    assert fresh.n_epochs_ == 0
    np.testing.assert_allclose(
        fresh.predict(X), fresh.model_.predict(X, verbose=0)[:, 0], rtol=1e-5, atol=1e-6
    )


def test_classes_of_a_first_partial_fit():
    X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])

    def build(n_classes_):
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(n_classes_, "softmax")])

    fitted = kohort.KerasClassifier(build).partial_fit(X, y, classes=[0, 1, 2])
    assert fitted.predict_proba(X).shape == (4, 3)
    fitted.partial_fit(X, np.array([2, 2, 1, 0]))
    with pytest.raises(kohort.DataError, match="were not there at the first fit"):
        fitted.partial_fit(X, np.array([5, 2, 1, 0]))


def test_groups_say_which_parameters_compile(models, rows):
    X, y, _ = rows
    grid = {"rate": [0.1, 0.01], "width": [17, 20, 40], "depth": [2, 3]}
    table = model(models).explain_groups(grid, X, y)
    assert table["program"].nunique() == 4
    assert set(table.loc[table["why"] == "shares the program", "rate"]) == {0.1, 0.01}
    anew = table["why"][table["why"].str.startswith("compiled anew")]
    assert all("depth" in why or "width" in why for why in anew)


def test_numbers_share_a_program(rows):
    X, y, _ = rows

    def build(rate, slope, factor, limit, momentum):
        layers = [
            keras.layers.Dense(
                8, kernel_regularizer=keras.regularizers.L2(factor),
                kernel_constraint=keras.constraints.MaxNorm(limit),
            ),
            keras.layers.BatchNormalization(momentum=momentum),
            keras.layers.LeakyReLU(slope),
            keras.layers.Dropout(rate),
            keras.layers.GaussianNoise(rate),
        ]  # fmt: skip
        inputs = keras.Input((5,))
        x = inputs
        for layer in layers:
            x = layer(x)
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()([inputs, x])))
        model.compile(keras.optimizers.Adam(0.01, beta_1=momentum, clipnorm=limit), "huber")
        return model

    generator = np.random.default_rng(0)
    names = ("rate", "slope", "factor", "limit", "momentum")
    with compilations() as log:
        for _ in range(4):
            values = dict(zip(names, generator.uniform(0.1, 0.6, 5), strict=True))
            kohort.KerasRegressor(build, epochs=2, random_state=0, **values).fit(X, y)
    assert [entry.kind for entry in log] == ["train"]


@pytest.mark.usefixtures("on_xla")
def test_equal_models_are_traced_once(models, rows, monkeypatch):
    X, y, _ = rows
    calls = []
    traced = tracing._trace
    monkeypatch.setattr(tracing, "_trace", lambda *args: calls.append(1) or traced(*args))
    estimator = model(models, width=23, depth=4)
    for rate in (0.1, 0.1, 0.01):
        clone(estimator).set_params(rate=rate).fit(X, y)
    assert len(calls) == 1


def test_a_batch_size_above_the_rows_trains_as_the_rows_do(models, rows):
    X, y = rows[0][:21], rows[1][:21]
    exact, *larger = (
        model(models, batch_size=size, epochs=3).fit(X, y) for size in (21, 500, 10**12)
    )
    for other in larger:
        np.testing.assert_allclose(other.history_["loss"], exact.history_["loss"], rtol=1e-5)
    other.partial_fit(*rows[:2])  # More rows than the step was traced for.
    assert other.n_epochs_ == 4

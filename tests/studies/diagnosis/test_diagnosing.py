"""`kohort.diagnose` and `diagnose=True`, from fits and searches to files."""

import pickle
from dataclasses import replace

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.ensemble import StackingRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort
from kohort.errors import DivergedError, ParameterError
from kohort.studies.diagnosis.diagnosing import baseline
from kohort.studies.diagnosis.findings.finding import Finding

SMALL = {"width": 16, "epochs": 4, "random_state": 0}


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


def build_model(width=12, activation="relu", norm=False):
    layers = [keras.Input((10,)), keras.layers.Dense(width, None if norm else activation)]
    if norm:
        layers += [keras.layers.BatchNormalization(), keras.layers.Activation(activation)]
    layers += [keras.layers.Dropout(0.1), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.01, clipnorm=0.5), "mse")
    return model


def equal(one, other):
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_diagnosing_changes_no_bit_of_a_fit(diabetes):
    model = kohort.DenseRegressor(**SMALL)
    plain, watched = clone(model).fit(*diabetes), clone(model).set_params(diagnose=True)
    watched.fit(*diabetes)
    assert equal(plain.weights_, watched.weights_)
    assert not hasattr(plain, "diagnosis_")
    assert isinstance(watched.diagnosis_, kohort.Diagnosis)
    assert not hasattr(watched.set_params(diagnose=False).fit(*diabetes), "diagnosis_")


@pytest.mark.parametrize("norm", [False, True])
def test_diagnosing_changes_no_bit_of_a_keras_models_fit(norm, diabetes):
    model = kohort.KerasRegressor(build_model, norm=norm, epochs=2, random_state=0)
    plain = clone(model).fit(*diabetes)
    watched = clone(model).set_params(diagnose=True).fit(*diabetes)
    assert equal(plain.weights_, watched.weights_)
    layers = watched.diagnosis_.measurements.setting.layers
    middle = ("batch_normalization", "activation") if norm else ()
    assert layers == ("dense", *middle, "dense_2")


def test_layers_of_a_keras_model_equal_a_direct_computation(diabetes, double_precision):
    X, y = (part[:256] for part in diabetes)  # Keras rounds 1 / rows to single precision.
    with double_precision():
        model = kohort.KerasRegressor(
            _plain_model, epochs=1, batch_size=-1, shuffle=False, random_state=0, diagnose=True,
        )  # fmt: skip
        start = clone(model).initialize(X, y).model_.get_weights()
        end = model.fit(X, y).model_.get_weights()
    table = model.diagnosis_.table.set_index("layer")
    kernel, bias, output, _ = start
    z = X @ kernel + bias
    signal, slope = np.maximum(z, 0), z > 0
    error = (signal @ output).ravel() - y
    backward = (2 * error[:, None] * output.T) * slope
    expected = {
        "mean": signal.mean(),
        "deviation": signal.std(),
        "signal": np.mean(signal**2),
        "backward": np.mean(backward**2),
        "saturated": np.mean(~slope),
        "dead": np.mean(np.all(~slope, axis=0)),
        "weight": np.linalg.norm(kernel),
        "gradient": np.linalg.norm(X.T @ backward / len(X)),
        "update_ratio": np.linalg.norm(end[0] - kernel) / np.linalg.norm(kernel),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(table.loc["dense", name], value, rtol=1e-10, err_msg=name)


def _plain_model():
    model = keras.Sequential(
        [keras.Input((10,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(1e-5), "mse")
    return model


def test_a_diagnosis_survives_pickling_and_saving(diabetes, tmp_path):
    model = kohort.DenseRegressor(**SMALL, learning_rate=1e-7, diagnose=True).fit(*diabetes)
    model.save(tmp_path / "model")
    for copy in (pickle.loads(pickle.dumps(model)), kohort.load(tmp_path / "model")):
        assert str(copy.diagnosis_) == str(model.diagnosis_)
        assert [f.code for f in copy.diagnosis_.findings] == ["rate_too_low"]
        assert copy.diagnosis_.table.equals(model.diagnosis_.table)


def test_a_training_that_diverges_is_diagnosed(diabetes):
    model = kohort.DenseRegressor(**SMALL, optimizer="sgd", learning_rate=1e4)
    diagnosis = kohort.diagnose(model, *diabetes)
    assert diagnosis.findings[0].code == "rate_too_high"
    assert diagnosis.findings[0].evidence["diverged"]
    with pytest.raises(DivergedError):
        model.fit(*diabetes)


def test_a_search_records_the_diagnosis_of_each_fit(diabetes):
    from kohort.report.leaderboard import leaderboard

    model = kohort.DenseRegressor(**SMALL, diagnose=True)
    search = kohort.GridSearchCV(model, {"learning_rate": [1e-7, 1e-2]}, cv=2).fit(*diabetes)
    board = leaderboard(search)
    assert board["findings"].tolist() == ["", "2 rate_too_low"]
    assert isinstance(search.best_estimator_.diagnosis_, kohort.Diagnosis)
    assert "findings" not in leaderboard(
        kohort.GridSearchCV(kohort.DenseRegressor(**SMALL), {"width": [8]}, cv=2).fit(*diabetes)
    )


def test_a_rare_class_that_is_missed_is_named():
    X, y = load_digits(return_X_y=True)
    rows = np.concatenate([np.flatnonzero(y != 8), np.flatnonzero(y == 8)[:8]])
    model = kohort.DenseClassifier(width=16, epochs=3, learning_rate=1e-3, random_state=0)
    diagnosis = kohort.diagnose(model, X[rows], y[rows] == 8)
    (finding,) = [f for f in diagnosis.findings if f.code == "label_imbalance"]
    assert finding.evidence["class"] == 1
    assert finding.evidence["share"] == pytest.approx(8 / len(rows), rel=0.1)
    assert finding.apply(model).class_weight == "balanced"


@pytest.mark.filterwarnings("ignore:.*using a softmax over axis")
@pytest.mark.parametrize("apart", [False, True])
def test_a_softmax_over_one_unit_is_named_before_the_scale_of_inputs(apart):
    def build():
        end = [keras.layers.Dense(1), keras.layers.Softmax()]
        end = end if apart else [keras.layers.Dense(1, "softmax")]
        return keras.Sequential([keras.Input((64,)), keras.layers.Dense(8, "relu"), *end])

    X, y = load_digits(return_X_y=True)
    model = kohort.KerasClassifier(build, loss="binary_crossentropy", epochs=2, random_state=0)
    diagnosis = kohort.diagnose(model, X.astype("float32") * 100, y > 4)
    assert [f.code for f in diagnosis.findings[:2]] == ["constant_output", "unscaled_inputs"]
    with pytest.raises(ParameterError, match=r'Dense\(1, "sigmoid"\)'):
        diagnosis.verify(k=2)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("table", [load_digits, load_diabetes, load_breast_cancer])
def test_shuffled_targets_are_named_and_others_are_not(table, shuffled):
    X, y = table(return_X_y=True)
    kind = kohort.DenseRegressor if table is load_diabetes else kohort.DenseClassifier
    y = np.random.default_rng(0).permutation(y) if shuffled else y
    model = kind(width=32, epochs=15, learning_rate=0.003, random_state=0)
    codes = [finding.code for finding in kohort.diagnose(model, X, y).findings]
    assert (codes[:1] == ["unrelated_targets"]) == shuffled
    assert ("unrelated_targets" in codes) == shuffled


def test_images_are_diagnosed_without_complaint_about_their_pixels():
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8, 1)[:200]
    model = kohort.ConvClassifier(depth=1, width=4, epochs=1, random_state=0)
    diagnosis = kohort.diagnose(model, X, y[:200])
    assert not {"constant_inputs", "unscaled_inputs"} & {f.code for f in diagnosis.findings}
    layers = diagnosis.table["layer"].unique()
    assert {"conv2d", "batch_normalization", "dense"} <= set(layers)


@pytest.mark.parametrize(
    "other", [object(), "model", kohort.DenseRegressor, make_pipeline(kohort.DenseRegressor())]
)
def test_what_is_no_estimator_of_kohort_is_refused(other, diabetes):
    with pytest.raises(ParameterError, match="`estimator` must be a kohort estimator"):
        kohort.diagnose(other, *diabetes)


def test_the_best_constant_prediction_of_each_loss():
    y = np.array([[0.0], [1.0], [1.0], [1.0]])
    assert baseline("mse", y, 0) == pytest.approx(np.var(y))
    assert baseline("mae", y, 0) == pytest.approx(0.25)
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert baseline("binary_crossentropy", y, 2) == pytest.approx(entropy)
    assert baseline("sparse_categorical_crossentropy", y, 2) == pytest.approx(entropy)
    assert np.isnan(baseline("huber", y, 0))


def test_verifying_asks_the_data_and_a_finding(diabetes):
    model = kohort.DenseRegressor(**SMALL, learning_rate=1e-7)
    diagnosis = kohort.diagnose(model, *diabetes)
    comparison = diagnosis.verify(k=3)
    assert len(comparison.table) == 3
    assert comparison.difference > 0
    watched = model.set_params(diagnose=True).fit(*diabetes)
    with pytest.raises(ParameterError, match="knows the data"):
        watched.diagnosis_.verify()
    healthy = kohort.diagnose(
        kohort.DenseClassifier(**SMALL | {"epochs": 10}), *load_iris(return_X_y=True)
    )
    assert str(healthy).startswith("No finding")
    with pytest.raises(ParameterError, match="`finding` must be a finding"):
        healthy.verify()
    with pytest.raises(ParameterError, match=r"`finding` must be a finding.*'rate_too_low'"):
        diagnosis.verify(finding="rate_too_low")


def test_a_remedy_finds_the_one_estimator_that_it_is_for():
    dense = kohort.DenseRegressor()
    finding = Finding("rate_too_high", 0.8, None, {}, "", "Lower it.", {"learning_rate": 1e-4})
    pipeline = make_pipeline(StandardScaler(), dense)
    search = GridSearchCV(pipeline, {"denseregressor__width": [8, 16]})
    assert finding.apply(pipeline)[-1].learning_rate == 1e-4
    assert finding.apply(search).estimator[-1].learning_rate == 1e-4
    assert dense.learning_rate == 1e-3
    keras_model = kohort.KerasRegressor(build_model)
    for_keras = replace(finding, changes={"optimizer__learning_rate": 1e-4})
    changed = for_keras.apply(make_pipeline(keras_model))
    assert changed[-1].get_params()["optimizer__learning_rate"] == 1e-4
    two = StackingRegressor([("one", dense), ("other", dense)])
    for unfit in (two, StandardScaler(), kohort.DenseRegressor, "model"):
        with pytest.raises(ParameterError, match="`estimator` must be an estimator with the par"):
            finding.apply(unfit)
    with pytest.raises(ParameterError, match="`estimator` must be an estimator with the par"):
        for_keras.apply(dense)

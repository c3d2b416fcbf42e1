"""SciKeras's documented behaviour: parameters, clones, targets, pickles, ensembles."""

import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.ensemble import AdaBoostClassifier, BaggingRegressor, VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort

L = keras.layers


def classifier(n_features_in_, n_classes_, width=16, activation="relu"):
    layers = [L.Dense(width, activation), L.Dense(n_classes_, "softmax")]
    return keras.Sequential([keras.Input((n_features_in_,)), *layers])


def estimator(**params):
    options = {"optimizer": "adam", "optimizer__learning_rate": 0.02, "epochs": 15}
    return kohort.KerasClassifier(classifier, random_state=0, **{**options, **params})


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def test_parameters_reach_the_build_function(iris):
    for params in ({"width": 7}, {"model__width": 7}):
        fitted = estimator(**params).fit(*iris)
        assert fitted.model_.layers[0].units == 7
        assert fitted.get_params()[next(iter(params))] == 7


def test_a_prefix_reaches_the_optimizer_and_the_loss(iris):
    fitted = estimator(
        optimizer="sgd", optimizer__momentum=0.8, loss="sparse_categorical_crossentropy"
    ).fit(*iris)
    assert fitted.model_.optimizer.momentum == 0.8
    binary = iris[0][iris[1] < 2], iris[1][iris[1] < 2]

    def build():
        return keras.Sequential([keras.Input((4,)), L.Dense(1, "sigmoid")])

    smoothed = kohort.KerasClassifier(
        build, optimizer="adam", loss="binary_crossentropy", loss__label_smoothing=0.2
    ).fit(*binary)
    assert smoothed.model_.loss.get_config()["label_smoothing"] == 0.2


def test_an_optimizer_of_a_compiled_model_is_honoured_and_overridden(iris):
    def build(n_features_in_):
        model = keras.Sequential([keras.Input((n_features_in_,)), L.Dense(3, "softmax")])
        optimizer = keras.optimizers.Adam(0.02, clipnorm=0.7)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    own = kohort.KerasClassifier(build, epochs=2).fit(*iris).model_.optimizer
    assert (round(float(own.learning_rate), 6), own.clipnorm) == (0.02, 0.7)
    changed = kohort.KerasClassifier(build, optimizer__learning_rate=0.5).fit(*iris)
    assert float(changed.model_.optimizer.learning_rate) == 0.5
    assert changed.model_.optimizer.clipnorm == 0.7
    assert "accuracy" in changed.history_


def test_clone_keeps_everything():
    first = estimator(width=5, fit__batch_size=8, class_weight="balanced")
    second = clone(first)
    assert second is not first
    assert {k: v for k, v in second.get_params().items() if k != "model"} == {
        k: v for k, v in first.get_params().items() if k != "model"
    }
    assert second.model is first.model


def test_an_unknown_name_lists_the_known_ones(iris):
    with pytest.raises(kohort.ParameterError, match=r"`widht`.*known ones are.*width.*optimizer__"):
        estimator().set_params(widht=3)
    with pytest.raises(kohort.ParameterError, match=r"`widht`"):
        estimator(widht=3).fit(*iris)
    with pytest.raises(kohort.ParameterError, match=r"model__widht"):
        estimator(model__widht=3).fit(*iris)


def test_fit_arguments_override_parameters(iris):
    assert estimator().fit(*iris, epochs=2).n_epochs_ == 2
    assert estimator(fit__epochs=3).fit(*iris).n_epochs_ == 3


def test_one_hot_losses_and_logits_and_labels_of_any_type(iris):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    fitted = estimator(loss="categorical_crossentropy").fit(X, names)
    assert fitted.score(X, names) > 0.9
    assert list(fitted.classes_) == ["setosa", "versicolor", "virginica"]

    def logits(n_classes_):
        return keras.Sequential([keras.Input((4,)), L.Dense(8, "relu"), L.Dense(n_classes_)])

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    fitted = kohort.KerasClassifier(logits, optimizer="adam", loss=loss, epochs=5).fit(X, y)
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


def test_options_reach_metrics_losses_and_callbacks_of_a_list(iris):
    X, y = iris[0], (iris[1] == 2).astype(int)

    def build(n_features_in_):
        return keras.Sequential([keras.Input((n_features_in_,)), L.Dense(1, "sigmoid")])

    fitted = kohort.KerasClassifier(
        build,
        epochs=9,
        loss="binary_crossentropy",
        loss__label_smoothing=0.25,
        metrics=[keras.metrics.BinaryAccuracy, keras.metrics.AUC],
        metrics__0__threshold=0.75,
        metrics__1__num_thresholds=50,
        callbacks={"stop": keras.callbacks.EarlyStopping},
        callbacks__stop__patience=1,
        callbacks__stop__min_delta=100.0,
        callbacks__monitor="loss",
        predict__batch_size=7,
    ).fit(X, y)
    accuracy, auc = fitted.model_.metrics[1].metrics
    assert fitted.model_.loss.label_smoothing == 0.25
    assert accuracy.get_config()["threshold"] == 0.75
    assert auc.num_thresholds == 50
    assert fitted.n_epochs_ == 2
    with pytest.raises(kohort.ParameterError, match="parameters of the metrics"):
        fitted.set_params(metrics__0__treshold=0.5).fit(X, y)


def test_class_weights_move_the_prior(iris):
    X, y = iris[0][:100], np.r_[np.zeros(90), np.ones(10)]
    generator = np.random.default_rng(0)
    X = generator.normal(size=X.shape)
    plain = estimator().fit(X, y).predict_proba(X)[:, 1].mean()
    assert estimator(class_weight="balanced").fit(X, y).predict_proba(X)[:, 1].mean() > plain + 0.2


def test_several_targets_and_several_labels():
    X, labels = make_multilabel_classification(120, 6, n_classes=3, random_state=0)

    def indicator(n_outputs_):
        return keras.Sequential(
            [keras.Input((6,)), L.Dense(16, "relu"), L.Dense(n_outputs_, "sigmoid")]
        )

    fitted = kohort.KerasClassifier(indicator, optimizer="adam", epochs=30, random_state=0)
    assert fitted.fit(X, labels).predict(X).shape == labels.shape
    assert (fitted.predict(X) == labels).mean() > 0.7

    def heads(n_classes_):
        inputs = keras.Input((6,))
        x = L.Dense(16, "relu")(inputs)
        return keras.Model(inputs, [L.Dense(n, "softmax")(x) for n in n_classes_])

    y = np.c_[labels[:, 0] + labels[:, 1], labels[:, 2]]
    fitted = kohort.KerasClassifier(heads, optimizer="adam", epochs=30, random_state=0,
        loss=["sparse_categorical_crossentropy"] * 2).fit(X, y)  # fmt: skip
    assert [p.shape for p in fitted.predict_proba(X)] == [(120, 3), (120, 2)]
    assert fitted.predict(X).shape == y.shape

    def values(n_outputs_):
        model = keras.Sequential([keras.Input((6,)), L.Dense(n_outputs_)])
        model.compile("adam", "mse")
        return model

    assert kohort.KerasRegressor(values).fit(X, labels.astype(float)).predict(X).shape == (120, 3)


def test_several_inputs_by_name_and_from_one_table(rows):
    X, y, _ = rows

    def build():
        wide, deep = keras.Input((2,), name="wide"), keras.Input((3,), name="deep")
        x = L.Concatenate()([wide, L.Dense(8, "relu")(deep)])
        model = keras.Model([wide, deep], L.Dense(1)(x))
        model.compile("adam", "mse")
        return model

    model = kohort.KerasRegressor(build, epochs=2, random_state=0)
    by_name = clone(model).fit({"wide": X[:, :2], "deep": X[:, 2:]}, y)
    parts = clone(model).fit((X[:, :2], X[:, 2:]), y)
    table = clone(model).fit(X, y)
    expected = table.predict(X)
    np.testing.assert_allclose(parts.predict((X[:, :2], X[:, 2:])), expected, rtol=1e-5)
    np.testing.assert_allclose(
        by_name.predict({"deep": X[:, 2:], "wide": X[:, :2]}), expected, rtol=1e-5
    )
    with pytest.raises(kohort.ModelError, match=r"\['deep', 'wide'\]; got"):
        clone(model).fit({"one": X[:, :2], "two": X[:, 2:]}, y)
    assert np.isfinite(cross_val_score(model, X, y, cv=2)).all()


def test_images_keep_their_axes(iris):
    generator = np.random.default_rng(0)
    X, y = generator.uniform(size=(60, 6, 6, 1)), np.arange(60) % 2
    X[y == 1] += 0.5

    def build():
        layers = [L.Conv2D(4, 3, activation="relu"), L.GlobalAveragePooling2D()]
        return keras.Sequential([keras.Input((6, 6, 1)), *layers, L.Dense(1, "sigmoid")])

    fitted = kohort.KerasClassifier(build, optimizer="adam", optimizer__learning_rate=0.05,
        epochs=30, random_state=0).fit(X, y)  # fmt: skip
    assert fitted.score(X, y) > 0.9


def test_pickles_predict_the_same(iris, rows, models):
    fitted = pickle.loads(pickle.dumps(estimator().fit(*iris)))
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(fitted.predict_proba(iris[0]), again.predict_proba(iris[0]))
    X, y, _ = rows
    local = kohort.KerasRegressor(lambda: models["chain"](width=4), random_state=0).fit(X, y)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(local)).predict(X), local.predict(X))


_SCRIPT = """
import pickle, sys
import kohort, keras, numpy as np
X = np.random.default_rng(0).normal(size=(40, 3)); y = X[:, 0]
if sys.argv[1] == "write":
    def build(width=4):
        layers = [keras.layers.Dense(width), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((3,)), *layers])
        model.compile("sgd", "mse")
        return model
    fitted = kohort.KerasRegressor(build, width=5, random_state=0).fit(X, y)
    pickle.dump((fitted, fitted.predict(X)), open(sys.argv[2], "wb"))
else:
    fitted, expected = pickle.load(open(sys.argv[2], "rb"))
    np.testing.assert_allclose(fitted.predict(X), expected, rtol=1e-6)
"""


@pytest.mark.rest
def test_a_build_function_of_main_is_pickled_with_the_estimator(tmp_path):
    script, path = tmp_path / "script.py", tmp_path / "model.pickle"
    script.write_text(_SCRIPT)
    for part in ("write", "read"):
        subprocess.run([sys.executable, script, part, path], check=True)


def test_pipelines_searches_and_ensembles(iris, rows, models):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), estimator())
    grid = {"kerasclassifier__width": [8, 16], "kerasclassifier__optimizer__learning_rate": [0.02]}
    with kohort.together():
        search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.8
    with kohort.together():
        voting = VotingClassifier([("a", estimator()), ("b", estimator(width=8))], voting="soft")
        assert voting.fit(X, y).score(X, y) > 0.9
        boosted = AdaBoostClassifier(estimator(), n_estimators=3, random_state=0)
        assert boosted.fit(X, y).score(X, y) > 0.9
        X, y, _ = rows
        model = kohort.KerasRegressor(models["chain"], epochs=20, random_state=0)
        bagged = BaggingRegressor(model, n_estimators=3, random_state=0).fit(X, y)
    assert bagged.score(X, y) > 0.3


def test_numbers_of_numpy_reach_a_build_function_as_python_s(rows):
    X, y, _ = rows
    seen = {}

    def build(units=1, rate=0.1, bias=True, kind="relu"):
        seen.update(units=type(units), rate=type(rate), bias=type(bias), kind=type(kind))
        return keras.Sequential([
            keras.Input((5,)), keras.layers.Dense(units, kind, use_bias=bias), keras.layers.Dense(1)
        ])  # fmt: skip

    numbers = {"units": np.int64(3), "rate": np.float32(0.5), "bias": np.True_}
    model = kohort.KerasRegressor(
        build, **numbers, kind=np.str_("tanh"), optimizer="sgd", optimizer__learning_rate=1
    )
    model.initialize(X, y)
    assert seen == {"units": int, "rate": float, "bias": bool, "kind": str}
    assert float(model.model_.optimizer.learning_rate.value) == 1


@pytest.mark.parametrize("kind", [list, tuple])
def test_numbers_of_numpy_in_lists_reach_a_build_function_as_python_s(kind, rows):
    X, y, _ = rows

    def build(widths=(1,), options=None):
        hidden = [keras.layers.Dense(width, **options) for width in widths]
        return keras.Sequential([keras.Input((5,)), *hidden, keras.layers.Dense(1)])

    widths, options = kind(np.array([4, 3])), {"use_bias": np.False_}
    model = kohort.KerasRegressor(build, widths=widths, options=options, loss="mse")
    shapes = [weight.shape for weight in model.fit(X, y).model_.get_weights()]
    assert shapes == [(5, 4), (4, 3), (3, 1), (1,)]
    assert model.widths is widths
    assert clone(model).fit(X, y).get_params()["widths"] == widths

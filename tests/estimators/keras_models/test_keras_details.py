"""Details that users of Keras and SciKeras rely on, compared with Keras's own `fit`."""

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler
from tests.estimators.keras_models.conftest import L, compare, net, two_heads

import kohort

optimizers = keras.optimizers


class TestPrograms:
    """Models share a program only where they are the same but for numbers."""

    @pytest.mark.parametrize("excluded", [True, False])
    def test_exclusions_from_weight_decay(self, rows, excluded):
        def build():
            optimizer = optimizers.AdamW(0.01, weight_decay=0.5)
            if excluded:
                optimizer.exclude_from_weight_decay(var_names=["kernel"])
            return net(L.Dense(8, "relu"), optimizer=optimizer)

        compare(build, *rows[:2])

    @pytest.mark.parametrize("name", ["plain", "special"])
    def test_muon_goes_by_names_of_layers(self, rows, name):
        def build():
            hidden = L.Dense(8, "relu", name=name), L.Dense(6, "relu", name="second")
            return net(*hidden, optimizer=optimizers.Muon(0.01, exclude_layers=["special"]))

        compare(build, *rows[:2])

    @pytest.mark.parametrize("activation", ["relu", "tanh"])
    def test_a_layer_may_be_named_as_its_activation(self, rows, activation):
        compare(lambda: net(L.Dense(8, activation, name=activation)), *rows[:2])

    def test_metrics_without_a_name_keep_theirs_and_share_the_program(self, rows):
        def build(rate=0.01):
            metrics = [keras.metrics.MeanAbsoluteError(), keras.metrics.MeanAbsoluteError()]
            return net(optimizer=optimizers.SGD(rate), metrics=metrics)

        X, y, _ = rows
        names = {"loss", "mean_absolute_error", "mean_absolute_error_1"}
        for rate in (0.01, 0.02):
            assert set(kohort.KerasRegressor(build, rate=rate).fit(X, y).history_) == names
        table = kohort.KerasRegressor(build).explain_groups({"rate": [0.1, 0.2, 0.3]}, X, y)
        assert list(table["program"]) == [0, 0, 0]


def test_an_output_of_more_axes_trains_on_columns():
    """As from images to images: Keras's own `fit` gets them in the shape of the output."""
    images = np.random.default_rng(2).normal(size=(70, 5, 5, 2)).astype("float32")
    wanted = np.tanh(images[..., :1]) - images[..., 1:]

    def build():
        layers = [L.Conv2D(4, 3, padding="same", activation="relu"), L.Conv2D(1, 1)]
        model = keras.Sequential([keras.Input((5, 5, 2)), *layers])
        model.compile("adam", "mse", metrics=["mae"])
        return model

    model = compare(build, images, wanted.reshape(70, -1), wanted)
    predicted = model.predict(images)
    assert predicted.shape == (70, 25)
    np.testing.assert_allclose(
        predicted.reshape(wanted.shape), model.model_.predict(images, verbose=0), atol=1e-6
    )


class TestPadding:
    """Rows that fill up the last batch never count."""

    def test_losses_of_outputs(self):
        X = np.random.default_rng(1).normal(size=(600, 5)).astype("float32")
        y = np.stack([X[:, 0] ** 2, X[:, 1]], axis=1)
        compare(two_heads, X, y, [y[:, :1], y[:, 1:]], validation_split=0.5)

    def test_a_loss_over_rows_of_a_batch(self, rows):
        def build():
            return net(L.Dense(8), loss=lambda a, b: ops.square(a - b) / (ops.var(b) + 0.1))

        compare(build, *rows[:2], loop="rows of a batch influence each other")

    def test_a_metric_that_ignores_weights(self, rows):
        class Count(keras.metrics.Metric):
            def __init__(self, name="count"):
                super().__init__(name=name)
                self.count = self.add_weight(name="count", initializer="zeros")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.count.assign_add(ops.cast(ops.shape(y_true)[0], "float32"))

            def result(self):
                return ops.convert_to_tensor(self.count)

            def reset_state(self):
                self.count.assign(0.0)

        compare(lambda: net(metrics=[Count()]), *rows[:2], loop="'count' counts rows")

    def test_sequences_of_outputs(self, rows):
        def build():
            inputs = keras.Input((5,))
            steps = L.RepeatVector(3)(L.Dense(8, "tanh")(inputs))
            model = keras.Model(inputs, L.Dense(2)(steps))
            model.compile("adam", "mse", metrics=["mae"])
            return model

        X = rows[0]
        y = np.stack([X[:, 0], X[:, 1] ** 2, X[:, 2], X[:, 3], X[:, 0], X[:, 4]], axis=1)
        compare(build, X, y, y.reshape(-1, 3, 2), validation_split=0.2)

    def test_outputs_by_name_with_weights(self, rows):
        X, weight = rows[0], rows[2] / rows[2].mean()
        target = {"p": X[:, :1], "q": X[:, 1:2]}
        compare(lambda: two_heads(as_dict=True), X, X[:, :2], target)
        fitted = kohort.KerasRegressor(lambda: two_heads(True), random_state=0)
        assert fitted.fit(X, X[:, :2], weight).predict(X).shape == (150, 2)


class TestClassifiers:
    @pytest.fixture
    def classes(self, rows):
        return np.digitize(rows[0][:, 0], [-0.5, 0.5])

    def softmax(self, loss, activation="softmax"):
        return lambda: net(loss=loss, out=3, activation=activation)

    def test_one_hot_rows_stay_one_hot(self, rows, classes):
        X, hot = rows[0], np.eye(3, dtype=int)[classes]
        fitted = kohort.KerasClassifier(
            lambda meta: net(
                out=meta["n_classes_"],
                optimizer=optimizers.Adam(0.05),
                loss=keras.losses.CategoricalCrossentropy(from_logits=True),
            ),
            epochs=30,
            random_state=0,
        ).fit(X, hot)
        assert (fitted.predict(X).sum(axis=1) == 1).all()
        np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
        assert fitted.n_classes_ == 3
        assert fitted.score(X, hot) > 0.5

    def test_losses_of_distributions_in_any_form(self, rows, classes):
        class Own(keras.losses.CategoricalCrossentropy):
            pass

        def loss_of(loss):
            build = self.softmax(loss)
            return kohort.KerasClassifier(build, random_state=0).fit(rows[0], classes).history_

        assert loss_of("kl_divergence") == loss_of(keras.losses.KLDivergence())
        assert loss_of("categorical_crossentropy")["loss"] == pytest.approx(loss_of(Own())["loss"])

    def test_a_loss_for_each_output_by_name(self, rows, classes):
        def build():
            inputs = keras.Input((5,))
            first = L.Dense(1, "sigmoid", name="a")(inputs)
            model = keras.Model(inputs, [first, L.Dense(3, "softmax", name="b")(inputs)])
            model.compile("adam", {"a": "binary_crossentropy", "b": "categorical_crossentropy"})
            return model

        y = np.stack([(rows[0][:, 0] > 0).astype(int), classes], axis=1)
        assert kohort.KerasClassifier(build).fit(rows[0], y).predict(rows[0]).shape == y.shape

    def test_logits_in_a_list_of_losses(self, rows):
        loss = [keras.losses.BinaryCrossentropy(from_logits=True)]
        estimator = kohort.KerasClassifier(
            lambda: net(loss=loss, optimizer=optimizers.Adam(0.1)), epochs=20
        )
        shares = estimator.fit(rows[0], rows[0][:, 0] > 0).predict_proba(rows[0])
        assert 0 <= shares.min() <= shares.max() <= 1

    def test_class_weights_are_keras_s(self, rows):
        X, labels = rows[0], (rows[0][:, 0] > 0.5).astype(int)
        weights = {0: 1.0, 1: 7.0}

        def build():
            return net(
                loss="binary_crossentropy", activation="sigmoid", optimizer=optimizers.SGD(0.1)
            )

        estimator = kohort.KerasClassifier(
            build, epochs=3, shuffle=False, validation_split=0.2, random_state=0
        )
        other = clone(estimator).initialize(X, labels).model_
        theirs = other.fit(
            X, labels[:, None], epochs=3, batch_size=32, shuffle=False, verbose=0,
            class_weight=weights, validation_split=0.2,
        ).history  # fmt: skip
        for fitted in (
            clone(estimator).fit(X, labels, class_weight=weights),
            clone(estimator).set_params(class_weight=weights).fit(X, labels),
        ):
            for name, values in theirs.items():
                np.testing.assert_allclose(fitted.history_[name], values, rtol=1e-5)

    def test_partial_fit_forgets_declared_classes_at_fit(self, rows, classes):
        estimator = kohort.KerasClassifier(self.softmax("sparse_categorical_crossentropy"))
        estimator.partial_fit(rows[0][:20], classes[:20], classes=[0, 1, 2])
        names = np.array(["a", "b", "c"])[classes]
        assert list(estimator.fit(rows[0], names).classes_) == ["a", "b", "c"]


def test_targets_that_float32_cannot_tell_apart_are_warned_of(rows):
    X, y = rows[0], rows[1].astype(float)
    model = kohort.KerasRegressor(lambda: net(), random_state=0)
    with pytest.warns(UserWarning, match=r"float32, .* 128 apart; the deviation is .* StandardSca"):
        model.fit(X, y + 1.76e9)
    model.fit(X, np.full(len(X), 1.76e9))
    wrapped = TransformedTargetRegressor(model, transformer=StandardScaler())
    assert np.isfinite(wrapped.fit(X, y + 1.76e9).score(X, y + 1.76e9))

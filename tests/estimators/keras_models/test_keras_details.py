"""Details that users of Keras and SciKeras rely on, compared with Keras's own `fit`."""

import copy
import pickle

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import kohort

L, optimizers = keras.layers, keras.optimizers


def net(*layers, loss="mse", optimizer="adam", out=1, activation=None, **options):
    model = keras.Sequential([keras.Input((5,)), *layers, L.Dense(out, activation)])
    model.compile(optimizer, loss, **options)
    return model


def two_heads(as_dict=False):
    inputs = keras.Input((5,))
    hidden = L.Dense(8, "relu")(inputs)
    heads = [L.Dense(1, name="p")(hidden), L.Dense(1, name="q")(hidden)]
    model = keras.Model(inputs, dict(zip("pq", heads, strict=True)) if as_dict else heads)
    model.compile("adam", "mse")
    return model


def compare(build, X, y, target=None, loop=False, **options):
    """Fit with kohort and with Keras, from the same weights on the same batches."""
    estimator = kohort.KerasRegressor(build, epochs=4, shuffle=False, random_state=0)
    other = clone(estimator).initialize(X, y).model_
    target = y.reshape(len(y), -1) if target is None else target
    theirs = other.fit(X, target, epochs=4, batch_size=32, shuffle=False, verbose=0, **options)
    if loop:
        with pytest.warns(kohort.KerasLoopWarning, match=loop):
            estimator.fit(X, y, **options)
    else:
        estimator.fit(X, y, **options)
    for mine, their in zip(estimator.model_.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, their, rtol=1e-4, atol=2e-6)
    assert set(estimator.history_) == set(theirs.history)
    for name, values in theirs.history.items():
        np.testing.assert_allclose(estimator.history_[name], values, rtol=1e-4, atol=1e-6)
    return estimator


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


class TestParameters:
    def test_names_that_end_in_an_underscore(self, rows):
        seen = []

        def build(lambda_=0.5):
            seen.append(lambda_)
            return net(L.Dense(4, kernel_regularizer=keras.regularizers.L2(lambda_)))

        estimator = kohort.KerasRegressor(build, lambda_=0.25).fit(*rows[:2])
        assert clone(estimator).get_params()["lambda_"] == 0.25
        clone(kohort.KerasRegressor(build)).set_params(lambda_=0.125).fit(*rows[:2])
        assert seen == [0.25, 0.125]

    def test_a_method_s_name_is_no_parameter(self):
        def build(score=1, **rest):
            return net()

        with pytest.raises(kohort.ParameterError, match="model__score"):
            kohort.KerasRegressor(build).set_params(score=3)

    def test_a_subclass_hands_parameters_on(self, rows):
        class Own(kohort.KerasRegressor):
            def __init__(self, model=None, width=3, **options):
                super().__init__(model=model, **options)
                self.width = width

        estimator = clone(Own(lambda width: net(L.Dense(width)), width=7, epochs=2))
        assert estimator.get_params()["epochs"] == 2
        assert estimator.fit(*rows[:2]).model_.layers[0].units == 7

    def test_a_build_method_of_a_subclass(self, rows):
        class Own(kohort.KerasRegressor):
            def _keras_build_fn(self, width=6):
                return net(L.Dense(width))

        assert Own(width=4).fit(*rows[:2]).model_.layers[0].units == 4

    def test_options_of_options(self, rows):
        schedule = optimizers.schedules.ExponentialDecay
        estimator = kohort.KerasRegressor(
            lambda: keras.Sequential([keras.Input((5,)), L.Dense(1)]),
            optimizer="sgd",
            optimizer__learning_rate=schedule,
            optimizer__learning_rate__initial_learning_rate=0.1,
            optimizer__learning_rate__decay_steps=7,
            optimizer__learning_rate__decay_rate=0.5,
        ).fit(*rows[:2])
        found = estimator.model_.optimizer._learning_rate
        assert isinstance(found, schedule)
        assert found.decay_steps == 7

    def test_options_of_an_optimizer_keep_metric_objects(self, rows):
        def build():
            return net(metrics=[keras.metrics.RootMeanSquaredError(name="rmse")])

        fitted = kohort.KerasRegressor(build, optimizer__learning_rate=0.5).fit(*rows[:2])
        assert set(fitted.history_) == {"loss", "rmse"}

    def test_an_optimizer_keeps_its_exclusions(self, rows):
        optimizer = optimizers.AdamW(0.01, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        build = lambda: keras.Sequential([keras.Input((5,)), L.Dense(1)])  # noqa: E731
        fitted = kohort.KerasRegressor(build, optimizer=optimizer).fit(*rows[:2])
        assert fitted.model_.optimizer._exclude_from_weight_decay_pattern.pattern == "bias"

    def test_a_batch_of_all_rows(self, rows):
        fitted = kohort.KerasRegressor(lambda: net(), batch_size=-1, epochs=3).fit(*rows[:2])
        assert int(fitted.model_.optimizer.iterations) == 3

    def test_arguments_of_fit_and_predict(self, rows):
        X, y, _ = rows
        fitted = kohort.KerasRegressor(lambda: net()).fit(X, y)
        np.testing.assert_array_equal(fitted.predict(X, batch_size=7), fitted.predict(X))
        with pytest.raises(TypeError, match="'foo'"):
            fitted.fit(X, y, foo=2)
        with pytest.raises(kohort.ParameterError, match="`validation_split` must be a share of"):
            kohort.KerasRegressor(lambda: net(), validation_split=0.999).fit(X, y)

    def test_whole_numbers_beyond_float32_are_refused(self, rows):
        def build():
            inputs = keras.Input((1,), dtype="int32")
            parity = ops.cast(inputs % 2, "float32")
            model = keras.Model(inputs, L.Dense(1)(parity))
            model.compile("sgd", "mse")
            return model

        X = np.arange(2**24, 2**24 + 20)[:, None]
        with pytest.raises(kohort.DataError, match="at most 16777216"):
            kohort.KerasRegressor(build).fit((X,), np.zeros(20))


class TestModels:
    def test_an_adapted_normalization_is_copied(self, rows):
        X, y = 3 * rows[0] + 7, rows[1]
        normalization = L.Normalization()
        normalization.adapt(X)
        model = net(normalization, optimizer=optimizers.SGD(0.0))
        fitted = kohort.KerasRegressor(model).fit(X, y)
        expected = model.predict(X, verbose=0)[:, 0]
        np.testing.assert_allclose(fitted.predict(X), expected, rtol=1e-5, atol=1e-6)

    def test_a_model_with_a_loss_of_ones_own(self, rows):
        def own(y_true, y_pred):
            return ops.mean(ops.abs(y_true - y_pred), axis=-1)

        model = net(loss=own, metrics=[own])
        fitted = kohort.KerasRegressor(model, epochs=2).fit(*rows[:2])
        assert set(fitted.history_) == {"loss", "own"}
        assert model.compiled

    def test_what_a_user_changes_in_the_model_counts(self, rows):
        X, y, _ = rows
        build = lambda: net(L.Dense(4, "relu"), optimizer=optimizers.SGD(0.0))  # noqa: E731
        estimator = kohort.KerasRegressor(build, warm_start=True, random_state=0).initialize(X, y)
        ones = [np.ones_like(weight) for weight in estimator.model_.get_weights()]
        estimator.model_.set_weights(ones)
        expected = estimator.model_.predict(X, verbose=0)[:, 0]
        np.testing.assert_allclose(estimator.predict(X), expected, rtol=1e-5)
        np.testing.assert_allclose(copy.deepcopy(estimator).predict(X), expected, rtol=1e-5)
        estimator.fit(X, y)
        for weight in estimator.model_.get_weights():
            np.testing.assert_array_equal(weight, 1)

    def test_frozen_layers_stay_after_compiling_again(self, rows):
        X, y, _ = rows
        build = lambda: net(L.Dense(4, "relu"), optimizer=optimizers.SGD(0.1))  # noqa: E731
        estimator = kohort.KerasRegressor(build, warm_start=True, random_state=0).fit(X, y)
        model = estimator.model_
        model.layers[0].trainable = False
        model.compile(optimizers.SGD(0.1), "mse")
        before = [weight.copy() for weight in model.get_weights()]
        after = estimator.fit(X, y).model_.get_weights()
        np.testing.assert_array_equal(before[0], after[0])
        assert not np.array_equal(before[2], after[2])

    def test_a_build_function_of_the_data_survives_pickling(self, rows):
        X, y, _ = rows

        def build(X):
            normalization = L.Normalization()
            normalization.adapt(np.asarray(X))
            return net(normalization)

        fitted = kohort.KerasRegressor(build).fit(X, y)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_allclose(again.predict(X), fitted.predict(X), rtol=1e-5, atol=1e-6)

    def test_a_subclassed_model_without_a_loss_survives_pickling(self, rows):
        class Own(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = L.Dense(3, "softmax")

            def call(self, x):
                return self.dense(x)

        X, labels = rows[0], np.digitize(rows[0][:, 0], [-0.5, 0.5])
        fitted = kohort.KerasClassifier(lambda: Own(), optimizer="adam").fit(X, labels)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_allclose(again.predict_proba(X), fitted.predict_proba(X), rtol=1e-5)

    def test_a_later_batch_size_and_a_changed_rate_hold(self, rows):
        X, y, _ = rows
        schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-3 / (epoch + 1))
        estimator = kohort.KerasRegressor(lambda: net(), epochs=2, callbacks=[schedule]).fit(X, y)
        assert int(estimator.model_.optimizer.iterations) == 10
        estimator.set_params(batch_size=10, callbacks=None).partial_fit(X, y)
        assert int(estimator.model_.optimizer.iterations) == 25
        again = pickle.loads(pickle.dumps(estimator))
        assert float(again.model_.optimizer.learning_rate) == pytest.approx(5e-4)

    def test_epochs_count_on_and_the_last_logs_arrive(self, rows):
        class Hears(keras.callbacks.Callback):
            seen, last = [], []

            def on_epoch_end(self, epoch, logs=None):
                self.seen.append(epoch)

            def on_train_end(self, logs=None):
                self.last.append(logs["loss"])

        X, y, weight = rows
        estimator = kohort.KerasRegressor(lambda: net(), callbacks=[Hears()])
        for _ in range(3):
            estimator.partial_fit(X, y, weight)
        assert Hears.seen == [0, 1, 2]
        assert Hears.last == estimator.history_["loss"]

    def test_keras_s_loop_follows_the_random_state(self, rows):
        def losses():
            model = kohort.KerasRegressor(lambda: net(), random_state=0)
            with pytest.warns(kohort.KerasLoopWarning):
                model.fit(*rows[:2], steps_per_epoch=3)
            return model.history_["loss"]

        state = np.random.get_state()[1].copy()
        assert losses() == losses()
        np.testing.assert_array_equal(state, np.random.get_state()[1])

    def test_a_search_over_exclusions_tells_them_apart(self, rows):
        def build(excluded=False):
            optimizer = optimizers.AdamW(0.01, weight_decay=5.0)
            if excluded:
                optimizer.exclude_from_weight_decay(var_names=["kernel", "bias"])
            return net(optimizer=optimizer)

        estimator = kohort.KerasRegressor(build, epochs=5, random_state=0)
        with kohort.together():
            search = GridSearchCV(estimator, {"excluded": [False, True]}, cv=2).fit(*rows[:2])
        first, second = search.cv_results_["mean_test_score"]
        assert first != second

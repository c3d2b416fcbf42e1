"""Lives of Keras models: changed, compiled again, pickled, trained further."""

import copy
import pickle

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.model_selection import GridSearchCV
from tests.estimators.keras_models.conftest import L, net

import kohort

optimizers = keras.optimizers


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

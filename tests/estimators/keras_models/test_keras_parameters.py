"""Parameters of build functions, optimizers and calls, as SciKeras and Keras take them."""

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.base import clone
from tests.estimators.keras_models.conftest import L, net

import kohort

optimizers = keras.optimizers


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

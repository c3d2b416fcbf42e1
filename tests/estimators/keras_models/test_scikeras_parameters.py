"""Build functions, losses and metrics get the arguments that users of SciKeras expect."""

import keras
import numpy as np
import pytest

import kohort
from kohort import KerasLoopWarning

L = keras.layers


def dense(units=1, activation=None, inputs=2):
    return keras.Sequential([keras.Input((inputs,)), L.Dense(units, activation)])


def table(rows=12, classes=0):
    X = np.random.default_rng(0).normal(size=(rows, 2))
    return X, np.arange(rows) % classes if classes else X[:, 0]


def asked(build, X, y, kind=kohort.KerasRegressor, **params):
    """The arguments that a build function was called with."""
    heard = {}

    def hearing(**arguments):
        heard.update(arguments)
        return build(**arguments)

    kind(hearing, random_state=0, **params).fit(X, y)
    return heard


def test_compile_kwargs_hold_an_optimizer_where_none_was_given():
    def build(meta, compile_kwargs):
        model = dense(inputs=meta["n_features_in_"])
        compile_kwargs["loss"] = compile_kwargs["loss"] or "mse"
        model.compile(**compile_kwargs)
        return model

    X, y = table()
    assert isinstance(
        kohort.KerasRegressor(build).fit(X, y).model_.optimizer, keras.optimizers.RMSprop
    )
    fitted = kohort.KerasRegressor(build, optimizer__learning_rate=0.25).fit(X, y)
    assert float(fitted.model_.optimizer.learning_rate) == 0.25


def test_a_function_of_any_names_gets_what_scikeras_gives_it():
    X, y = table()
    heard = asked(lambda **kwargs: dense(kwargs["units"]), X, y, model__units=1)
    assert list(heard) == ["units", "meta", "compile_kwargs", "params"]
    assert heard["meta"]["n_outputs_"] == 1
    assert set(heard["compile_kwargs"]) == {"optimizer", "loss", "metrics", "run_eagerly"}
    assert heard["params"]["model__units"] == 1


def test_one_metric_needs_no_list():
    X, y = table(classes=2)
    for metric in ("acc", keras.metrics.BinaryAccuracy, keras.metrics.BinaryAccuracy("acc")):
        fitted = kohort.KerasClassifier(
            dense, activation="sigmoid", loss="binary_crossentropy", metrics=metric
        ).fit(X, y)
        assert set(fitted.history_) in ({"loss", "acc"}, {"loss", "binary_accuracy"})


class Part:
    def __init__(self, size=1):
        self.size = size


class Loss(keras.losses.Loss):
    def __init__(self, parts=(), **options):
        super().__init__(**options)
        self.parts = parts

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


def test_options_reach_the_parts_of_parts():
    X, y = table()
    routes = {"loss__parts__size": 3, "loss__parts__0__size": 5}
    fitted = kohort.KerasRegressor(dense, loss=Loss, loss__parts=[Part, Part], **routes).fit(X, y)
    assert [part.size for part in fitted.model_.loss.parts] == [5, 3]


def test_options_of_the_loss_of_a_compiled_model_are_set():
    def build():
        model = dense(activation="sigmoid")
        model.compile("sgd", "binary_crossentropy")
        return model

    X, y = table(classes=2)
    fitted = kohort.KerasClassifier(build, loss__label_smoothing=0.25).fit(X, y)
    assert fitted.model_.loss.label_smoothing == 0.25


def compiled_without_a_loss():
    model = dense()
    model.compile("sgd")
    return model


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": compiled_without_a_loss}, "`loss` must be given.*Give loss="),
        ({"loss": [None]}, "`loss` must be given"),
        (
            {"loss": keras.losses.mean_squared_error, "loss__delta": 2},
            r"loss__\*.*takes no options.*Give a class",
        ),
        ({"loss": "mse", "loss__a__b": 2}, r"loss__\*.*`a__b` is an option of `a`, which is not"),
        ({"optimizer__a__b": 2}, r"optimizer__\*.*`a__b` is an option of `a`, which is not given"),
        ({"optimizer": "adam", "optimizer__beta": 2}, r"optimizer__\*.*beta"),
        ({"metrics__0__name": "m"}, r"metrics__\*.*options of a given `metrics`"),
        ({"callbacks": keras.callbacks.EarlyStopping, "callbacks__patient": 2}, r"callbacks__\*"),
        ({"callbacks": [dense]}, "`callbacks` must be made of callbacks"),
        ({"build_fn": dense}, "`build_fn` must be left out.*Give the function as `model`"),
        ({"model_kwargs": {"units": 1}}, "`model_kwargs` must be left out.*model__width"),
        ({"fit_kwargs": {"epochs": 1}}, "`fit_kwargs` must be left out.*epochs=5"),
        ({"batch_size": 0}, "`batch_size` must be a whole number >= 1 or 'auto'; got 0"),
        ({"validation_batch_size": 0}, "`validation_batch_size` must be"),
        ({"run_eagerly": "no"}, "`run_eagerly` must be"),
    ],
)
def test_the_error_names_the_parameter(params, message):
    X, y = table()
    with pytest.raises(kohort.ParameterError, match=message):
        kohort.KerasRegressor(**{"model": dense, **params}).fit(X, y)


class WithFit(keras.Sequential):
    def fit(self, *args, mine=None, **options):
        self.mine = mine
        return super().fit(*args, **options)


@pytest.mark.filterwarnings("ignore::kohort.errors.KerasLoopWarning")
def test_arguments_of_a_models_own_fit_reach_it():
    def build():
        return WithFit([keras.Input((2,)), L.Dense(1)])

    X, y = table()
    model = kohort.KerasRegressor(build, loss="mse", fit__mine="prefix")
    assert model.fit(X, y).model_.mine == "prefix"
    assert model.fit(X, y, mine="call").model_.mine == "call"
    with pytest.raises(TypeError, match="mine"):
        kohort.KerasRegressor(dense, fit__mine=1).fit(X, y)


@pytest.mark.filterwarnings("ignore::kohort.errors.KerasLoopWarning")
def test_keras_takes_the_size_of_validation_batches():
    heard = []

    class Hearing(keras.Sequential):
        def fit(self, *args, **options):
            heard.append(options.get("validation_batch_size"))
            return super().fit(*args, **options)

    X, y = table()
    for size, rows in ((None, None), (3, 3), (-1, 6)):
        kohort.KerasRegressor(
            lambda: Hearing([keras.Input((2,)), L.Dense(1)]),
            validation_batch_size=size, validation_split=0.5,
        ).fit(X, y)  # fmt: skip
        assert heard.pop() == rows


def test_run_eagerly_compiles_the_model_so():
    X, y = table()
    with pytest.warns(KerasLoopWarning, match="run_eagerly"):
        fitted = kohort.KerasRegressor(dense, run_eagerly=True).fit(X, y)
    assert fitted.model_.run_eagerly

"""A fitted estimator that has just been loaded answers several threads as it answers one."""

import pickle
import threading
import time
import warnings

import keras
import numpy as np
import pytest

import kohort
from kohort.estimators.keras_models import fitted

L = keras.layers


def build():
    model = keras.Sequential([keras.Input((4,)), L.Dense(3, "relu"), L.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return model


def keras_trains():
    model = build()
    model.compile("sgd", keras.losses.MeanSquaredError(reduction="sum"))
    return model


def needs_rows(X):
    return build()


MODELS = {
    "Keras": lambda: kohort.KerasRegressor(build, random_state=0),
    "Keras, built from data": lambda: kohort.KerasRegressor(needs_rows, random_state=0),
    "Keras's own loop": lambda: kohort.KerasRegressor(keras_trains, random_state=0),
    "dense": lambda: kohort.DenseRegressor(depth=1, width=4, epochs=1, random_state=0),
    "images": lambda: kohort.ConvRegressor(depth=1, width=2, epochs=1, random_state=0),
}


@pytest.mark.parametrize("kind", MODELS)
def test_many_threads_ask_what_was_just_loaded(kind, monkeypatch):
    generator = np.random.default_rng(0)
    X = generator.random((12, 4, 4, 1) if kind == "images" else (12, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kohort.KerasLoopWarning)
        model = MODELS[kind]().fit(X, generator.random(12))
    right, content, found = model.predict(X), pickle.dumps(model), []
    write = fitted.put_weights

    def slowly(*arguments):  # So that a race is lost each time, and not one time in 25.
        write(*arguments)
        time.sleep(0.05)

    monkeypatch.setattr(fitted, "put_weights", slowly)
    served = pickle.loads(content)

    def ask(number):
        try:
            if number % 2 and kind in ("Keras", "images"):  # Keras's own loop moves its arrays.
                served.model_.get_weights()
            found.append(served.predict(X))
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in (*found, served.predict(X), pickle.loads(pickle.dumps(served)).predict(X)):
        np.testing.assert_allclose(answer, right, rtol=1e-6)

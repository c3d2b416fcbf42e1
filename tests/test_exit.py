"""A script that ends right after a fit ends cleanly, whatever its training threads are doing."""

import subprocess
import sys

import pytest

ALONE = """
import kohort, numpy as np
X = np.random.default_rng(0).normal(size=(64, 3))
kohort.DenseRegressor(width=8, epochs=2, random_state=0).fit(X, X[:, 0])
"""
SEARCH = """
import kohort, numpy as np
X = np.random.default_rng(0).normal(size=(64, 3))
estimator = kohort.DenseRegressor(width=8, epochs=2, random_state=0)
kohort.GridSearchCV(estimator, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(X, X[:, 0])
"""


@pytest.mark.parametrize(
    "script",
    [pytest.param(ALONE, id="alone", marks=pytest.mark.rest), pytest.param(SEARCH, id="search")],
)
def test_the_interpreter_exits_cleanly(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "FATAL" not in done.stderr


ELSEWHERE = """
import os, pickle, warnings
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
import kohort

def build(rate=0.01):
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model

X = np.random.default_rng(0).normal(size=(100, 5)).astype("float32")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", kohort.KerasLoopWarning)
    model = kohort.KerasRegressor(build, epochs=3, random_state=0).fit(X, X[:, 0])
print(sum("'torch' backend" in str(warning.message) for warning in caught))
losses = model.history_["loss"]
assert losses[2] < losses[0]
again = pickle.loads(pickle.dumps(model))
np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-5)
try:
    kohort.DenseRegressor(width=8, epochs=3).fit(X, X[:, 0])
except kohort.BackendError as error:
    print(error)
"""


@pytest.mark.rest
def test_on_another_backend_keras_models_train_in_keras_s_loop():
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    warned, refused = done.stdout.strip().splitlines()
    assert warned == "1"
    assert 'os.environ["KERAS_BACKEND"] = "jax"' in refused

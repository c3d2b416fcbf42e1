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


@pytest.mark.parametrize("script", [ALONE, SEARCH], ids=["alone", "search"])
def test_the_interpreter_exits_cleanly(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "FATAL" not in done.stderr


def test_a_foreign_backend_is_one_clear_error():
    script = """
import os, sys, types
keras = types.ModuleType("keras")
keras.backend = types.SimpleNamespace(backend=lambda: "tensorflow")
sys.modules["keras"] = keras
import kohort
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "BackendError" in last
    assert "'tensorflow' backend" in last
    assert 'os.environ["KERAS_BACKEND"] = "jax"' in last

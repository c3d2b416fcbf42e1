"""Where kohort was built without its kernels, or they are switched off, XLA serves everything."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

import kohort

_SCRIPT = """
import json, sys
{first}
import kohort
from kohort.engine.compilers.native import instruction_set
from sklearn.datasets import load_iris
assert instruction_set() is None
X, y = load_iris(return_X_y=True)
network = kohort.DenseClassifier(**json.loads(sys.argv[1])).fit(X, y)
print(json.dumps([list(map(float, network.history_["loss"])), network.predict_proba(X).tolist()]))
"""
_SETTINGS = {"epochs": 4, "width": 9, "depth": 2, "dropout": 0.2, "random_state": 0}


@pytest.fixture(scope="module")
def here():
    X, y = load_iris(return_X_y=True)
    network = kohort.DenseClassifier(**_SETTINGS).fit(X, y)
    return network.history_["loss"], network.predict_proba(X)


@pytest.mark.rest
@pytest.mark.parametrize(
    ("first", "variable"), [("sys.modules['kohort._native'] = None", ""), ("", "off")]
)
def test_results_are_the_same_up_to_rounding(here, first, variable):
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(first=first), json.dumps(_SETTINGS)],
        env={**os.environ, "KOHORT_NATIVE": variable}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for ours, theirs in zip(here, json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


_PUBLIC = ("test_dense.py", "test_uncertainty.py", "test_epoch_callbacks.py", "test_scaling.py")


@pytest.mark.rest
def test_the_public_tests_pass():
    """A sample of what an estimator promises, in a process that cannot import the kernels."""
    folder = Path(__file__).parent / "estimators" / "dense"
    script = (
        "import sys; sys.modules['kohort._native'] = None; import pytest; pytest.console_main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "-q", "-p", "no:cacheprovider", "--part", "sample",
         *(str(folder / name) for name in _PUBLIC)],
        capture_output=True, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 50


def test_a_build_that_fails_becomes_a_wheel_of_pure_python():
    """A tag of CPython's stable ABI for a wheel without a module ends the installation."""
    settings = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    (override,) = settings["tool"]["scikit-build"]["overrides"]
    assert override == {"if": {"failed": True}, "wheel": {"cmake": False, "py-api": "py3"}}

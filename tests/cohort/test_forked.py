"""Processes that were forked from one in which JAX has started: an error instead of a hang."""

import os
import subprocess
import sys

import pytest

from kohort.engine.compilers.native import instruction_set

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")

_SCRIPT = """
import os, warnings
warnings.simplefilter("ignore")
import numpy as np
import kohort, keras
from sklearn.model_selection import GridSearchCV

X = np.random.default_rng(0).normal(size=(40, 3))
y = X[:, 0]

def build():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

dense = kohort.DenseRegressor(depth=1, width=4, epochs=1, random_state=0)
lifted = kohort.KerasRegressor(build, loss="mse", epochs=1, random_state=0)


def child(work):
    pid = os.fork()
    if not pid:
        try:
            work()
        except kohort.ForkedProcessError as error:
            assert isinstance(error, kohort.KohortError)
            print("refused", str(os.getppid()) in str(error), flush=True)
        except BaseException as error:
            print(type(error).__name__, error, flush=True)
        else:
            print("done", flush=True)
        os._exit(0)
    os.waitpid(pid, 0)

def searched():
    with kohort.together():
        GridSearchCV(dense, {"width": [4]}, cv=2, error_score="raise").fit(X, y)

child(lambda: dense.fit(X, y).predict(X))
dense.fit(X, y)
lifted.fit(X, y)
with kohort.together():
    for work in (
        lambda: dense.fit(X, y),
        lambda: dense.predict(X),
        lambda: lifted.fit(X, y),
        lambda: lifted.predict(X),
        lambda: lifted.score(X, y),
        searched,
    ):
        child(work)
print("parent", dense.predict(X).shape)
"""


@pytest.fixture(scope="module")
def answers():
    """Lines of a process that forks before JAX starts in it, and then after."""
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=100, check=True
    )
    return run.stdout.splitlines()


def test_a_process_forked_before_jax_started_trains(answers):
    assert answers[0] == "done"


def test_a_process_forked_after_training_is_refused(answers):
    # Dense networks are predicted by kernels, which need no JAX.
    assert answers[2] == ("done" if instruction_set() else "refused True")
    assert [answers[1], *answers[3:]] == [*["refused True"] * 5, "parent (40,)"]

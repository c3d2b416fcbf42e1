"""Settings of every test: a program cache of the session's own, hypothesis profiles."""

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager

import pytest

_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
_CACHE_VARIABLE = "KOHORT_CACHE"

_KEPT = os.environ.get("KOHORT_TEST_CACHE")
"""Folder of compiled programs that outlives a run, for those who run tests again and again."""

if not _IS_WORKER:  # Workers of pytest-xdist inherit the folder, and so share compiled programs.
    os.environ[_CACHE_VARIABLE] = _KEPT or tempfile.mkdtemp(prefix="kohort-tests-")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import HealthCheck, settings  # noqa: E402
from tests.sampling import (  # noqa: E402, F401
    choose,
    depth,
    pytest_addoption,
    pytest_collection_modifyitems,
)

import kohort  # noqa: E402, F401  (chooses the backend of Keras, which is imported after it)

_COMMON = {
    "deadline": None,  # The first example compiles.
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow],
}


def pytest_configure(config):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # As what a shell runs in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    choose(config)
    common = {**_COMMON, "max_examples": depth(100)}
    settings.register_profile("dev", **common)
    settings.register_profile("ci", derandomize=True, print_blob=True, **common)
    profile = os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev")
    settings.load_profile(profile)


def pytest_unconfigure(config):
    if not (_IS_WORKER or _KEPT):
        shutil.rmtree(os.environ[_CACHE_VARIABLE], ignore_errors=True)


@pytest.fixture
def on_xla():
    """Networks of kohort's own train on XLA, for tests that count its programs."""
    from kohort.engine.compilers.current import lend, lent_compiler
    from kohort.engine.compilers.xla import XlaCompiler

    before = lent_compiler()
    lend(XlaCompiler())
    yield
    lend(before)


@pytest.fixture(scope="session")
def double_precision():
    """A context manager in which JAX and Keras compute in float64."""
    import jax
    import keras

    @contextmanager
    def context():
        floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
        jax.config.update("jax_enable_x64", True)
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        try:
            yield
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)
            jax.config.update("jax_enable_x64", False)

    return context

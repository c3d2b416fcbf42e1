"""scikit-learn's own tests of its searches, with kohort's backend active in every one of them."""

import os
import subprocess
import sys

import pytest

MODULES = ("test_search", "test_successive_halving", "test_validation")

PLUGIN = """
import joblib
import pytest

import kohort


@pytest.fixture(autouse=True)
def kohort_backend():
    with joblib.parallel_config("kohort"):
        yield
"""

# These tests find out who called a method by looking for the name of a public function in the
# call stack, which ends where a thread begins: they fail in the same way with joblib's own
# "threading" backend. Metadata is routed all the same, as the other routing tests show.
LOOK_AT_THE_STACK = (
    "test_multi_metric_search_forwards_metadata",
    "test_validation_functions_routing",
    "test_learning_curve_exploit_incremental_learning_routing",
)

# Inputs of other array libraries, which are skipped unless those are installed.
ARRAY_LIBRARIES = ("array_api",)


@pytest.mark.rest
@pytest.mark.timeout(900)
@pytest.mark.parametrize("module", MODULES)
def test_scikit_learns_tests_of_its_searches_pass(module, tmp_path):
    (tmp_path / "kohort_active.py").write_text(PLUGIN, encoding="utf-8")
    left_out = " or ".join(LOOK_AT_THE_STACK + ARRAY_LIBRARIES)
    options = ["-q", "-p", "no:cacheprovider", "-p", "kohort_active", "-k", f"not ({left_out})"]
    tests = f"sklearn.model_selection.tests.{module}"
    command = [sys.executable, "-m", "pytest", *options, "--timeout=120", "--pyargs", tests]
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",  # Another test runs on the other core.
            "KOHORT_STORE": str(tmp_path / "fits"),
        },
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2_000:]

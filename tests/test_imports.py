"""Large packages are imported at first use, and by the command line after its checks."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kohort

SCRIPT = """
import io, os, sys
from contextlib import redirect_stderr, redirect_stdout

LARGE = {"jax", "keras", "pandas", "sklearn", "scipy", "optuna", "skrub", "matplotlib"}

def check(after):
    loaded = LARGE & sys.modules.keys()
    assert not loaded, f"{after}: {loaded}"

def answer(*arguments):
    sys.argv, told = ["kohort", *arguments], io.StringIO()
    try:
        with redirect_stderr(told):
            main()
    except SystemExit as end:
        assert end.code == 2
    check(arguments)
    return " ".join(told.getvalue().split())

import pytest

import kohort
assert set(kohort.__all__) < set(dir(kohort))
check("import")
from kohort_command import main
for command in ("search", "plan", "fit"):
    out = ["--out", "run"] if command == "fit" else []
    for name in ("none.csv", "photos"):
        assert "got '" + name in answer(command, name, "--target", "y", *out)
    assert "Did you mean 'price'" in answer(command, "t.csv", "--target", "prise", *out)
    assert "got None. Add --target" in answer(command, "t.csv", *out)
    assert "--colour" in answer(command, "t.csv", "--colour", "red", *out)
    for setting, words in (("widht=3", "mean 'width'"), ("width=0", ">= 1"), ("lr", "NAME=")):
        assert words in answer(command, "t.csv", "--target", "price", *out, "--set", setting)
assert "got 'guess'" in answer("search", "t.csv", "--target", "price", "--task", "guess")
assert "got 'none'" in answer("predict", "none", "t.csv")
assert "no such folder" in answer("report", "none")

search = ["search", "t.csv", "--target", "price"]
assert "got 'guess'" in answer(*search, "--method", "guess")
assert "readable file; got 'none.toml'" in answer(*search, "--space", "none.toml")
for command in (search, ["fit", *search[1:]]):
    assert "a new or an empty folder; got" in answer(*command, "--out", "full")

os.environ["JAX_PLATFORMS"] = "cpu"
with redirect_stdout(io.StringIO()):
    kohort.show_versions()
assert not {"jax", "keras"} & sys.modules.keys()
import joblib
joblib.Parallel(backend="kohort")
with joblib.parallel_config("kohort", threads=1):
    assert joblib.Parallel()([joblib.delayed(abs)(-1)] * 2) == [1, 1]
from kohort import *
assert DenseRegressor is kohort.DenseRegressor is vars(kohort)["DenseRegressor"]
import jax
assert not jax.config.jax_compilation_cache_dir
try:
    kohort.DenseRegresor
except AttributeError as error:
    assert str(error) == "module 'kohort' has no attribute 'DenseRegresor'"
else:
    raise AssertionError
"""


def test_nothing_large_is_imported_before_it_is_needed(tmp_path):
    (tmp_path / "t.csv").write_text("area,price\n1,2\n2,3\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def test_type_checkers_are_told_what_is_imported_later():
    tree = ast.parse(Path(kohort.__file__).read_text("utf-8"))
    (told,) = [
        node.body
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "typing.TYPE_CHECKING"
    ]
    homes = {alias.name: each.module for each in told for alias in each.names}
    assert homes.pop("CohortBackend")
    assert homes == kohort._HOMES


@pytest.mark.rest
@pytest.mark.parametrize("first", ["", "importlib.util.find_spec('keras')"])
def test_keras_knows_the_losses_of_kohort_when_it_is_imported_later(first):
    code = f"import importlib.util, kohort; {first or 'pass'}; import keras; "
    code += "print(keras.saving.get_registered_object('kohort>HuberLoss') is not None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.rest
def test_threads_may_need_what_is_deferred_at_the_same_time():
    code = """
import threading
from kohort.deferred import jax, jnp
errors, start = [], threading.Barrier(8)

def use(number):
    start.wait()
    try:
        (jnp.zeros if number % 2 else jax.jit)
    except Exception as error:
        errors.append(error)

threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(errors)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

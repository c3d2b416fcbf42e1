"""Parts of a release: its checks, its lower bounds, and the workflows that call `make`."""

import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kohort import _version
from kohort.engine.compilers.native import absence

yaml = pytest.importorskip("yaml")

_TOP = Path(__file__).parents[1]
_WORKFLOWS = sorted((_TOP / ".github" / "workflows").glob("*.yml"))
_PROJECT = tomllib.loads((_TOP / "pyproject.toml").read_text("utf-8"))["project"]


def _tool(name):
    return runpy.run_path(str(_TOP / "tools" / f"{name}.py"))


@pytest.fixture
def released(tmp_path):
    """A copy of what is checked before a release, in the state in which it passes."""
    for name in ("src/kohort/_version.py", "CITATION.cff", "CHANGELOG.md", "pyproject.toml",
                 "SECURITY.md"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_TOP / name, tmp_path / name)
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "tests" / "signatures").mkdir(parents=True)
    (tmp_path / "tests" / "signatures" / f"{_version.VERSION}.json").touch()
    project = tmp_path / "pyproject.toml"
    project.write_text(project.read_text("utf-8").replace("kohort.example", "kohort.test"), "utf-8")
    with (tmp_path / "CHANGELOG.md").open("a", encoding="utf-8") as changelog:
        changelog.write(f"\n## {_version.VERSION} (2030-01-31)\n")
    return tmp_path


def test_a_version_that_lacks_nothing_is_ready(released):
    assert _tool("ready")["lacking"](f"v{_version.VERSION}", released) == []


@pytest.mark.whole
@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("src/kohort/_version.py", _version.VERSION, "9.9.9", "The tag"),
        ("CITATION.cff", _version.VERSION, "9.9.9", "CITATION.cff names another version"),
        ("CHANGELOG.md", "(2030-01-31)", "(unreleased)", "CHANGELOG.md has no section"),
        ("pyproject.toml", "kohort.test", "kohort.example", "pyproject.toml has an address"),
    ],
)
def test_what_a_version_lacks_is_told(released, name, old, new, told):
    path = released / name
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    assert told in _tool("ready")["lacking"](f"v{_version.VERSION}", released)[0]


def test_fragments_and_missing_signatures_are_told(released):
    (released / "changelog.d" / "+new.added.md").touch()
    (released / "tests" / "signatures" / f"{_version.VERSION}.json").unlink()
    fragments, signatures = _tool("ready")["lacking"](f"v{_version.VERSION}", released)
    assert "+new.added.md" in fragments
    assert "make signatures" in signatures


def test_every_core_dependency_and_those_of_the_tests_have_a_lower_bound():
    bounds = _tool("lower_bounds")["lower_bounds"](_PROJECT, ["cli", "test"])
    assert bounds["numpy"] == "2.2"
    assert {"skrub", "grain", "optuna", "plotly"} < bounds.keys()  # Through extras of extras.


@pytest.mark.whole
@pytest.mark.parametrize(
    ("dependencies", "told"),
    [(["a"], "no lower bound"), (["a>=1", "a>=2"], "two lower bounds"), (["a<2"], "of the form")],
)
def test_a_dependency_whose_lower_bound_is_unclear_is_refused(dependencies, told):
    project = {"name": "kohort", "dependencies": dependencies, "optional-dependencies": {}}
    with pytest.raises(ValueError, match=told):
        _tool("lower_bounds")["lower_bounds"](project, [])


@pytest.mark.whole
@pytest.mark.parametrize(
    ("tag", "pythons"),
    [
        ("cp311-cp311-linux_x86_64", [(3, 11)]),
        ("cp312-abi3-manylinux_2_28_x86_64", [(3, 12), (3, 13)]),
        ("py3-none-any", [(3, 11), (3, 12), (3, 13)]),
    ],
)
def test_a_wheel_is_tried_by_the_pythons_that_can_install_it(tag, pythons):
    fits = _tool("try_wheel")["fits"]
    known = [(3, 11), (3, 12), (3, 13)]
    assert [python for python in known if fits(f"kohort-0.2.0-{tag}.whl", python)] == pythons


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_of_workflows_call_what_the_repository_has(path):
    targets = re.findall(r"^([\w-]+):", (_TOP / "Makefile").read_text(), re.M)
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    for job in jobs.values():
        assert {*job.get("needs", [])} <= jobs.keys()
        for command in (step["run"] for step in job["steps"] if "run" in step):
            assert {*re.findall(r"\bmake ([\w-]+)", command)} <= {*targets}
            files = re.findall(r"^(?:python|bash) (\S+)", command, re.M)
            assert [file for file in files if not (_TOP / file).is_file()] == []


def test_workflows_try_every_python_that_kohort_supports():
    named = {
        re.search(r"3\.\d+", line)[0]
        for line in _PROJECT["classifiers"]
        if "Python :: 3." in line
    }  # fmt: skip
    ci, release = (yaml.safe_load(path.read_text("utf-8"))["jobs"] for path in _WORKFLOWS)
    assert {*ci["wheels"]["strategy"]["matrix"]["python"]} == named
    assert {*release["try"]["strategy"]["matrix"]["python"]} == named


@pytest.mark.rest
def test_fragments_become_a_section_of_the_changelog(tmp_path):
    towncrier = pytest.importorskip("towncrier")
    assert towncrier
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(_TOP / name, tmp_path)
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "changelog.d" / "+sound.added.md").write_text("Networks hum.\n")
    subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "9.9.9"],
        check=True, cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    made = (tmp_path / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## 9\.9\.9 \(.*\)\n\n### Added\n\n- Networks hum\.$", made, re.M)
    assert made.index("## 9.9.9") < made.index("## 0.1.0")


_WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"optax", "pandas", "pyarrow", "typer"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import numpy as np
from sklearn.model_selection import GridSearchCV
import kohort
X = np.random.default_rng(0).normal(size=(40, 3))
network = kohort.DenseRegressor(width=4, epochs=2, random_state=0)
with kohort.together(progress=False):
    search = GridSearchCV(network, {"learning_rate": [1e-3, 1e-2]}, cv=2).fit(X, X[:, 0])
print(search.best_params_["learning_rate"])
"""


@pytest.mark.rest
def test_a_dense_search_needs_what_the_page_on_dependencies_says():
    if absence():
        pytest.skip("kernels are not built")
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True)
    assert done.stdout in ("0.001\n", "0.01\n"), done.stderr

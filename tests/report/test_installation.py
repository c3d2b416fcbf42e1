"""The lines of `kohort doctor`, above all when something is missing."""

import sys
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, metadata
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import kohort
from kohort.commands.app import app
from kohort.engine.compilers import native
from kohort.report import installation


def facts():
    return {fact.about: fact for fact in installation.installation()}


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    for name in ("KOHORT_NATIVE", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def variants(monkeypatch):
    """A module of kernels for two instruction sets, whatever was built."""
    monkeypatch.setattr(native, "absence", lambda: "")
    monkeypatch.setattr(installation, "absence", lambda: "")
    names = SimpleNamespace(instruction_sets=lambda: ["wide", "baseline"])
    monkeypatch.setattr(native, "library", lambda: names)


def test_the_command_and_the_function_say_the_same(capsys):
    kohort.show_versions()
    text = capsys.readouterr().out
    assert CliRunner().invoke(app, ["doctor"]).output == text
    assert text.startswith(f"kohort          {kohort.__version__}, Python 3.")
    assert len(text.splitlines()) < 40
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("chosen", "state", "remedy"),
    [("", "kernels for wide; XLA", ""), ("wide", "kernels for wide; XLA", ""),
     ("baseline", "kernels for baseline, because", "Unset KOHORT_NATIVE: those for wide"),
     ("off", "XLA, because KOHORT_NATIVE is off", "Unset KOHORT_NATIVE: the kernels for wide"),
     ("sse9", "cannot be trained", "one of wide, baseline, off; got 'sse9'")],
)  # fmt: skip
def test_what_serves_dense_networks(variants, monkeypatch, chosen, state, remedy):
    monkeypatch.setenv("KOHORT_NATIVE", chosen)
    found = facts()
    assert found["dense networks"].state.startswith(state)
    assert remedy in found["dense networks"].remedy
    assert bool(remedy) == bool(found["dense networks"].remedy)
    assert found["processor"].state.endswith("with wide, baseline")


def test_kernels_that_were_not_built(monkeypatch):
    monkeypatch.setitem(sys.modules, "kohort._native", None)
    found = facts()
    assert found["dense networks"].state == "XLA, because the kernels were not built"
    assert "Install a C++ compiler" in found["dense networks"].remedy
    assert " with " in found["processor"].state


def test_kernels_that_do_not_load(monkeypatch):
    def refuse(name):
        raise ImportError("no GLIBCXX_3.4.99")

    monkeypatch.setattr(native, "import_module", refuse)
    monkeypatch.setattr(native, "find_spec", lambda name: ModuleSpec(name, None))
    state = facts()["dense networks"].state
    assert state == "XLA, because the kernels cannot be loaded (no GLIBCXX_3.4.99)"


def test_the_cache_of_programs(monkeypatch, tmp_path):
    folder = tmp_path / "programs"
    monkeypatch.setenv("KOHORT_CACHE", str(folder))
    assert facts()["program cache"].state.startswith(f"{folder}, 0 files, 0.0 MB")
    folder.mkdir()
    (folder / "one").write_bytes(bytes(2_000_000))
    assert facts()["program cache"].state.startswith(f"{folder}, 1 files, 2.0 MB")
    monkeypatch.setenv("KOHORT_CACHE", str(folder / "one" / "inner"))
    assert "cannot be written to" in facts()["program cache"].state
    assert "KOHORT_CACHE" in facts()["program cache"].remedy
    monkeypatch.setenv("KOHORT_CACHE", "off")
    assert "KOHORT_CACHE is 'off'" in facts()["program cache"].state
    assert facts()["program cache"].remedy
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/elsewhere")
    assert facts()["program cache"].state.startswith("/elsewhere")


@pytest.fixture
def without(monkeypatch):
    """Let packages be missing."""
    real = installation.version

    def make(*missing):
        def version(name):
            if name in missing:
                raise PackageNotFoundError(name)
            return real(name)

        monkeypatch.setattr(installation, "version", version)
        return [
            (fact.state, fact.remedy)
            for fact in installation.installation()
            if fact.about == "not installed"
        ]

    return make


def test_packages_that_are_missing_come_with_what_brings_them(without):
    found = without("plotly", "tensorboard", "jax")
    assert ("plotly, for the page about a search", 'pip install "kohort[report]"') in found
    assert ("tensorboard, for logging to TensorBoard", 'pip install "kohort[tensorboard]"') in found
    assert ("jax, without which kohort does not work", "pip install kohort") in found
    packages = facts()["packages"].state
    assert "numpy 2." in packages
    assert "plotly" not in packages


def test_an_extra_takes_in_the_packages_of_others(without):
    assert ("optuna, for the page about a search", 'pip install "kohort[report]"') in without(
        "optuna"
    )


def test_every_group_of_packages_is_for_users_or_for_developers():
    extras = set(metadata("kohort").get_all("Provides-Extra"))
    developers = {"trackers", "test", "oracles", "browser", "dev", "docs"}
    assert set(installation._GAINS) == extras - developers


def test_kohort_that_runs_from_source(monkeypatch):
    def unknown(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "requires", unknown)
    assert facts()["packages"].remedy == "Run: pip install ."


def test_devices(monkeypatch):
    monkeypatch.setattr(installation, "cores", lambda: 1)
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)
    assert facts()["devices"].state == "1 CPU core, no accelerator"
    monkeypatch.setattr(installation.shutil, "which", lambda name: name)
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert 'pip install "jax[cuda12]"' in facts()["devices"].remedy
    card = SimpleNamespace(platform="gpu", device_kind="H100")
    monkeypatch.setattr(installation, "threads_of", lambda threads: [card])
    assert facts()["devices"].state == "H100, which JAX trains on; 1 CPU core"

    def refuse(threads):
        raise RuntimeError("Unable to initialize backend 'cuda'\nmore")

    monkeypatch.setattr(installation, "threads_of", refuse)
    assert facts()["devices"].state.endswith("does not start: Unable to initialize backend 'cuda'")
    assert "JAX_PLATFORMS=cpu" in facts()["devices"].remedy


def test_another_backend_of_keras_is_named(monkeypatch):
    other = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "torch"))
    monkeypatch.setitem(sys.modules, "keras", other)
    assert facts()["Keras's backend"].state == "torch"
    assert facts()["Keras's backend"].remedy

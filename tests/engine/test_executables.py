"""Executables on disk: found without tracing, whole or not at all, and for their own machine."""

import jax
import numpy as np
import pytest

from kohort.engine import executables
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.executors.base import train_with
from kohort.engine.executors.inline import InlineExecutor
from kohort.engine.programs import compilations
from kohort.networks.lifted.lifting import lift

pytestmark = pytest.mark.parametrize("compiler", ["xla"], indirect=True)
X = np.arange(3, dtype=np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path / "programs"))
    return tmp_path / "programs"


def found(key=("plus", 1.5)):
    """Whether a program was cached, and whether it was traced, as for another process."""
    with compilations() as log:
        program = XlaCompiler().program(
            key, "predict", lambda: lambda x: (x + 1.5, (x * 2,)), (X,), lasting=True
        )
    one, (other,) = program(X)
    np.testing.assert_array_equal(one, X + 1.5)
    np.testing.assert_array_equal(other, X * 2)
    ((cached, traced),) = ((entry.cached, entry.traced) for entry in log)
    return cached, traced


NEW, KEPT = (False, True), (True, False)


def entries(folder):
    return sorted(folder.glob("*.executable"))


def test_a_search_finds_its_programs_without_tracing_them(folder, member, table):
    members = [
        member(rows=table(37, "mse"), validation=table(20, "mse"), seed=seed, dropout=0.2)
        for seed in range(3)
    ]
    outcomes, logs = [], []
    for _ in range(2):
        with compilations() as log:
            outcomes.append(train_with(InlineExecutor(compiler=XlaCompiler()), members))
        logs.append({(entry.kind, entry.cached, entry.traced) for entry in log})
    assert logs[0] == {("train", *NEW), ("evaluate", *NEW)}
    assert logs[1] == {("train", *KEPT), ("evaluate", *KEPT)}
    for one, other in zip(*outcomes, strict=True):
        assert one.history == other.history
        for ours, theirs in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("damage", ["empty", "shorter", "changed", "text"])
def test_a_damaged_entry_is_written_anew(folder, damage):
    assert [found(), found(("plus", "another"))] == [NEW, NEW]
    entry = max(entries(folder), key=lambda path: path.stat().st_mtime_ns)
    whole = entry.read_bytes()
    half = len(whole) // 2
    entry.write_bytes(
        {
            "empty": b"",
            "shorter": whole[:half],
            "changed": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
            "text": b"no program",
        }[damage]
    )
    assert [found(), found(("plus", "another"))] == [KEPT, NEW]
    assert [found(), found(("plus", "another"))] == [KEPT, KEPT]


def test_what_others_may_have_written_is_not_read(folder):
    assert [found(), found()] == [NEW, KEPT]
    (entry,) = entries(folder)
    entry.chmod(0o666)
    assert [found(), found()] == [NEW, KEPT]


def test_another_version_or_processor_compiles_anew(folder, monkeypatch):
    assert found() == NEW
    for name, value in (("_versions", ("0.2",)), ("_processor", "another")):
        with monkeypatch.context() as patch:
            patch.setattr(executables, name, lambda value=value: value)
            assert [found(), found()] == [NEW, KEPT]
    with jax.default_matmul_precision("float32"):
        assert found() == NEW
    assert found() == KEPT


def test_the_entries_that_were_used_last_are_kept(folder, monkeypatch):
    assert [found(("plus", key)) for key in range(3)] == [NEW] * 3
    monkeypatch.setattr(executables, "_MOST_BYTES", 3 * entries(folder)[0].stat().st_size)
    assert found(("plus", 0)) == KEPT
    assert found(("plus", 3)) == NEW
    assert [found(("plus", key)) for key in (0, 2, 3)] == [KEPT] * 3
    assert found(("plus", 1)) == NEW


def test_nothing_is_kept_where_that_is_switched_off(tmp_path, monkeypatch):
    monkeypatch.setenv("KOHORT_CACHE", "off")
    assert [found(), found()] == [NEW, NEW]


def test_code_has_no_name_that_lasts(folder):
    key = ("plus", lambda: None)
    assert [found(key)[1], found(key)[1]] == [True, True]
    assert entries(folder) == []

    def called_back(x):
        return jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct((3,), "float32"), x)

    assert lift(called_back, X)[0].opaque
    assert not lift(lambda x: jax.random.uniform(jax.random.key(0), x.shape) + x, X)[0].opaque

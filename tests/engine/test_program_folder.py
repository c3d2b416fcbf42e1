"""Programs on disk: kept from one process to the next, healed, and no concern of other JAX code."""

from concurrent.futures import ThreadPoolExecutor
from types import FunctionType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kohort.engine.program_folder import ProgramFolder
from kohort.engine.programs import compilations, compiled

SETTINGS = [
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
    "jax_raise_persistent_cache_errors",
]
X = np.arange(3, dtype=np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path / "programs"))
    return tmp_path / "programs"


def doubled(x):
    return 2 * x + 0.125


def tripled(x):
    return 3 * x + 0.125


def _cached(function=doubled):
    """Whether a program came from the folder, once it has computed what it should."""
    new = FunctionType(function.__code__, function.__globals__)  # As for another process.
    with compilations() as log:
        program = compiled("predict", lambda: new, (X,))
    np.testing.assert_array_equal(program(X), function(X))
    return [entry.cached for entry in log] == [True]


def _entries(folder, name="doubled"):
    return list(folder.glob(f"jit_{name}-*-cache"))


def test_a_program_is_compiled_once_for_all_processes(folder):
    assert [_cached(), _cached()] == [False, True]
    assert len(_entries(folder)) == 1


@pytest.mark.parametrize("damage", ["empty", "shorter", "changed", "text"])
def test_a_damaged_entry_is_removed_and_written_anew(folder, damage):
    _cached(tripled)
    _cached()
    (entry,), (other,) = _entries(folder), _entries(folder, "tripled")
    whole, kept = entry.read_bytes(), other.stat()
    half = len(whole) // 2
    entry.write_bytes(
        {
            "empty": b"",
            "shorter": whole[:half],
            "changed": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
            "text": b"no program",
        }[damage]
    )
    assert [_cached(), _cached()] == [False, True]  # A warning would be an error here.
    assert len(_entries(folder)) == 1
    assert other.stat() == kept


def test_settings_of_other_code_stay(folder):
    before = [getattr(jax.config, name) for name in SETTINGS]
    assert before[0] is None
    _cached()
    assert [getattr(jax.config, name) for name in SETTINGS] == before
    jax.jit(lambda x: jnp.sin(x) * 7 + 5)(X)
    assert list(folder.glob("*-cache")) == _entries(folder)


def test_a_folder_that_was_chosen_for_jax_is_used(folder, tmp_path):
    jax.config.update(SETTINGS[0], str(tmp_path / "chosen"))
    try:
        _cached()
        assert getattr(jax.config, SETTINGS[0]) == str(tmp_path / "chosen")
    finally:
        jax.config.update(SETTINGS[0], None)
    assert not folder.exists()


def test_threads_compile_side_by_side(folder):
    functions = [eval(f"lambda x: x * {number}.5") for number in range(12)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(_cached, functions))
    assert jax.config.jax_compilation_cache_dir is None
    assert all(map(_cached, functions))


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KOHORT_CACHE", str(tmp_path / "file" / "programs"))
    assert [_cached(), _cached()] == [False, False]


def test_an_error_of_the_compiler_is_raised(folder):
    with pytest.raises(Exception, match="no_such_option"):
        ProgramFolder().compile(jax.jit(doubled).lower(X), {"no_such_option": 1})
    assert jax.config.jax_compilation_cache_dir is None

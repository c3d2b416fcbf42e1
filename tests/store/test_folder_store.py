"""A store in a folder: what comes back is what was kept, or nothing."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tests.sampling import depth
from tests.store.conftest import equal

import kohort
from kohort.commands.app import app
from kohort.engine.folder_store import MARK, FolderStore
from kohort.engine.member import DIVERGED, FINISHED, Outcome
from kohort.engine.outcome_file import DamagedError, packed, unpacked

KEPT = Path(__file__).with_name("kept_by_version_1")
KEY = "ab" * 32


def key(number):
    return f"{number:064x}"


def outcome(number=0):
    return Outcome([np.full((2, 3), number, np.float32)], {"loss": [0.5]}, FINISHED, 3)


WEIGHTS = arrays(
    st.sampled_from([np.float32, np.float64, np.int32, np.uint8]), array_shapes(min_dims=0)
)
OUTCOMES = st.builds(
    Outcome,
    st.none() | st.lists(WEIGHTS, max_size=3),
    st.dictionaries(st.text(max_size=5), st.lists(st.floats(), max_size=4), max_size=3),
    st.sampled_from([FINISHED, DIVERGED]),
    st.integers(0, 10**6),
    st.text(max_size=20),
)


@given(one=OUTCOMES)
@settings(max_examples=depth(100), deadline=None)
def test_what_is_unpacked_is_what_was_packed(one):
    again = unpacked(KEY, packed(KEY, one))
    assert equal(Outcome(again.weights), Outcome(one.weights))
    assert repr((again.history, again.status, again.best_epoch, again.cause)) == repr(
        (one.history, one.status, one.best_epoch, one.cause)
    )


@given(data=st.data())
@settings(max_examples=depth(200), deadline=None)
def test_no_damage_goes_unseen(data):
    whole = packed(KEY, outcome())
    place = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bytearray(whole)
    flipped[place] ^= 1 << bit
    for damaged in (bytes(flipped), whole[:place], whole + b"\0"):
        with pytest.raises(DamagedError, match=r"checksum"):
            unpacked(KEY, damaged)


def test_a_file_under_another_name_is_seen():
    with pytest.raises(DamagedError, match="another fit"):
        unpacked("cd" * 32, packed(KEY, outcome()))


def test_files_are_in_the_safetensors_format():
    data = packed(KEY, outcome(7))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert all(isinstance(value, str) for value in header.pop("__metadata__").values())
    assert header == {"0": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
    assert np.frombuffer(data[8 + length :], "<f4").tolist() == [7.0] * 6


def test_what_no_file_can_hold_is_refused():
    with pytest.raises(TypeError, match="complex"):
        packed(KEY, Outcome([np.zeros(2, complex)]))


def test_another_process_finds_what_was_kept(tmp_path):
    FolderStore(tmp_path).put(KEY, outcome())
    assert equal(FolderStore(tmp_path).get(KEY), outcome())
    assert FolderStore(tmp_path).get("cd" * 32) is None


def test_what_is_damaged_is_told_of_in_a_line_and_gone(tmp_path):
    store = FolderStore(tmp_path)
    store.put(KEY, outcome())
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.warns(kohort.StoreWarning, match="damaged.*trained again") as told:
        assert store.get(KEY) is None
    assert "\n" not in str(told[0].message)
    assert store.get(KEY) is None
    assert not file.exists()


def test_verifying_removes_what_is_damaged_alone(tmp_path):
    store = FolderStore(tmp_path)
    for number in range(3):
        store.put(key(number), outcome(number))
    file = tmp_path / "00" / f"{key(1)}.safetensors"
    file.write_bytes(b"")
    assert store.verify() == [key(1)]
    assert {entry.key for entry in store.entries()} == {key(0), key(2)}


def test_what_was_used_longest_ago_goes_first(tmp_path):
    store = FolderStore(tmp_path)
    for number in range(4):
        store.put(key(number), outcome(number))
    import os

    for number, when in enumerate([400, 100, 300, 200]):
        os.utime(tmp_path / "00" / f"{key(number)}.safetensors", (when, when))
    store.get(key(1))
    size = next(store.entries()).size
    assert [entry.key for entry in store.prune(2 * size)] == [key(3), key(2)]
    assert {entry.key for entry in store.entries()} == {key(0), key(1)}


def test_a_store_stays_within_its_limit_whoever_writes(tmp_path):
    size = len(packed(key(0), outcome()))
    stores = [FolderStore(tmp_path, limit=10 * size) for _ in range(2)]
    for number in range(40):
        stores[number % 2].put(key(number), outcome())
        held = sum(entry.size for entry in stores[0].entries())
        assert held <= 21 * size  # Each knows of its own files, and of all once it looks.
    assert equal(stores[0].get(key(39)), outcome())


def test_files_without_a_name_that_killed_processes_leave_go(tmp_path, monkeypatch):
    store = FolderStore(tmp_path)
    store.put(KEY, outcome())
    for name in (tmp_path / ".0123456789abcdef.part", tmp_path / "ab" / ".f123456789abcdef.part"):
        name.write_bytes(b"half")
    store.prune(10**9)
    assert len(list(tmp_path.rglob("*.part"))) == 2
    monkeypatch.setattr("kohort.engine.folder_store._STALE", -1.0)
    store.prune(10**9)
    assert not list(tmp_path.rglob("*.part"))
    assert equal(store.get(KEY), outcome())


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(kohort.DataError, match=r"`store` must be .*holds other files"):
        FolderStore(tmp_path)
    with pytest.raises(kohort.DataError, match=r"`store` must be .*Not a directory"):
        FolderStore(tmp_path / "notes.txt" / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_store_of_a_later_version_is_refused(tmp_path):
    (tmp_path / MARK).write_text('{"format": 2}')
    with pytest.raises(kohort.DataError, match="later version"):
        FolderStore(tmp_path)


@pytest.mark.parametrize("limit", [0, 1.5, "1GB"])
def test_a_limit_that_is_none_is_refused(tmp_path, limit):
    with pytest.raises(kohort.ParameterError, match="`limit` must be"):
        FolderStore(tmp_path, limit=limit)


def test_threads_share_a_store(tmp_path):
    store = FolderStore(tmp_path)
    wrong = []

    def work(first):
        for number in range(first, first + 30):
            store.put(key(number % 40), outcome(number % 40))
            found = store.get(key(number % 40))
            if found is None or not equal(found, outcome(number % 40)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(list(store.entries())) == 40


@pytest.mark.rest
def test_processes_share_a_store(tmp_path):
    code = (
        "import sys; from tests.store.test_folder_store import *\n"
        "store = FolderStore(sys.argv[1])\n"
        "for n in range(200):\n"
        "    store.put(key(n % 20), outcome(n % 20))\n"
        "    assert equal(store.get(key(n % 20)), outcome(n % 20))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    children = [subprocess.Popen(command) for _ in range(3)]
    assert [child.wait(100) for child in children] == [0, 0, 0]
    assert FolderStore(tmp_path).verify() == []


def test_what_this_version_has_kept_every_later_one_can_read():
    store = FolderStore(KEPT)
    entries = sorted(entry.key for entry in store.entries())
    assert len(entries) == 2
    found = {one.status: one for one in map(store.get, entries)}
    weights = found[FINISHED].weights
    assert [array.shape for array in weights] == [(3, 4), (4,), (4, 1), (1,)]
    assert {array.dtype for array in weights} == {np.dtype(np.float32)}
    assert found[FINISHED].history.keys() == {"loss", "val_loss"}
    assert found[FINISHED].epochs == 3
    assert found[DIVERGED].weights is None
    assert found[DIVERGED].cause.startswith("The loss became NaN or infinite in epoch 1")


@pytest.fixture
def filled(tmp_path):
    store = FolderStore(tmp_path / "run" / "fits")
    for number in range(3):
        store.put(key(number), outcome(number))
    return store


def on_command_line(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["kohort", "store", *map(str, words)])
    app(standalone_mode=False)


def test_the_command_line_shows_prunes_and_verifies(filled, monkeypatch, capsys):
    size = next(filled.entries()).size
    for folder in (filled.folder, filled.folder.parent):
        on_command_line(monkeypatch, folder)
        lines = capsys.readouterr().out.splitlines()
        assert lines[1] == f"Fits: 3, {3 * size:,} bytes of at most {filled.limit:,}"
    (filled.folder / "00" / f"{key(1)}.safetensors").write_bytes(b"")
    on_command_line(monkeypatch, filled.folder, "--verify")
    assert "Damaged, removed: 1 fits" in capsys.readouterr().out
    on_command_line(monkeypatch, filled.folder, "--prune", size)
    told = capsys.readouterr().out
    assert f"Removed: 1 fits, {size:,} bytes" in told
    assert f"Fits: 1, {size:,} bytes" in told


def test_the_command_line_makes_no_store(tmp_path, monkeypatch):
    with pytest.raises(kohort.DataError, match="`FOLDER` must be a store of fits"):
        on_command_line(monkeypatch, tmp_path / "none")
    assert list(tmp_path.iterdir()) == []

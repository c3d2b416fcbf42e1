"""A search ends as it does without a store, even if the store fails; kept fits are never wrong."""

import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from tests.sampling import depth
from tests.store.conftest import FaultyStore, equal, member, table

import kohort
from kohort.engine.executors.base import train_with
from kohort.engine.executors.local import LocalExecutor, train
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.folder_store import FolderStore
from kohort.engine.member import Outcome
from kohort.engine.store import MemoryStore
from kohort.engine.store_writer import StoreWriter

pytestmark = pytest.mark.timeout(120)

SMALL = kohort.DenseRegressor(width=4, depth=1, epochs=2, random_state=0)
GRID = {"learning_rate": [0.001, 0.01]}


@pytest.fixture(scope="module")
def rows():
    X, y = load_diabetes(return_X_y=True)
    return X[:60], y[:60]


def members(count=6):
    return [member(seed=seed, epochs=2) for seed in range(count)]


@pytest.fixture(scope="module")
def plain():
    return train(members())


def stored(store, wanted):
    """Outcomes of the wanted members with a store, how many were trained, and what was told."""
    executor = StoringExecutor(LocalExecutor(1), store)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        outcomes = train_with(executor, wanted)
        executor.join()
    census = executor.census()
    assert census.waiting == census.training == 0
    return outcomes, census.submitted - census.found, [str(w.message) for w in told]


@given(
    writes=st.sets(st.integers(0, 5)),
    reads=st.sets(st.integers(0, 5)),
    late=st.sampled_from([0.0, 0.002]),
)
@settings(max_examples=depth(20), deadline=None)
def test_a_store_that_fails_costs_its_own_fits_alone(plain, writes, reads, late):
    store = FaultyStore(writes, reads, late=late)
    first, trained, told = stored(store, members())
    assert trained == 6
    assert len(told) == bool(writes) + bool(reads)
    assert all("No space left" in line and "\n" not in line for line in told)
    store._reads = set()
    again, trained, told = stored(store, members())
    assert trained == len(writes)
    assert not told
    for outcomes in (first, again):
        assert all(map(equal, outcomes, plain))


def test_what_is_torn_is_trained_again(plain, tmp_path):
    store = FolderStore(tmp_path)
    stored(store, members())
    files = sorted(tmp_path.rglob("*.safetensors"))
    for cut, file in enumerate(files[:3]):
        file.write_bytes(file.read_bytes()[: 40 * cut])
    again, trained, told = stored(store, members())
    assert (trained, len(told)) == (3, 3)
    assert all(map(equal, again, plain))
    assert stored(store, members())[1] == 0


def test_a_full_disk_is_told_of_once_and_leaves_no_half_files(plain, tmp_path, monkeypatch):
    store = FolderStore(tmp_path)
    real = FolderStore._write

    def full(self, path, data):
        real(self, path, data[:10])
        path.unlink()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FolderStore, "_write", full)
    outcomes, trained, told = stored(store, members())
    assert trained == 6
    assert len(told) == 1
    assert "No space left" in told[0]
    assert all(map(equal, outcomes, plain))
    assert not list(store.entries())


def test_what_is_changed_after_a_fit_is_kept_as_it_was(plain):
    blocked, store = threading.Event(), MemoryStore()
    put = store.put
    store.put = lambda key, outcome: (blocked.wait(60), put(key, outcome))
    executor = StoringExecutor(LocalExecutor(1), store)
    (outcome,) = train_with(executor, members(1))
    outcome.weights[0][:] = 0
    outcome.history["loss"].clear()
    blocked.set()
    executor.join()
    assert equal(stored(store, members(1))[0][0], plain[0])


def test_a_store_that_is_too_slow_loses_fits_not_memory():
    blocked, store = threading.Event(), MemoryStore()
    put = store.put
    store.put = lambda key, outcome: (blocked.wait(60), put(key, outcome))
    writer = StoreWriter(store, most=100)
    for number in range(5):
        writer.put(str(number), Outcome([np.zeros(10)]))
    assert "slower than the training" in writer.trouble()
    assert writer.trouble() is None
    blocked.set()
    writer.close()
    assert len(store) == 1
    writer.put("later", Outcome([np.zeros(10)]))
    writer.close()
    assert len(store) == 2


def test_what_comes_while_a_writer_is_closed_is_written_once():
    begun, blocked, kept, store = threading.Event(), threading.Event(), [], MemoryStore()

    def put(key, outcome):
        kept.append(key)
        begun.set()
        blocked.wait(60)

    store.put = put
    writer = StoreWriter(store)
    writer.put("first", Outcome(None))
    assert begun.wait(60)
    closing = threading.Thread(target=writer.close)
    closing.start()
    while writer._thread is not None:
        pass
    begun.clear()
    writer.put("later", Outcome(None))
    assert begun.wait(60)
    blocked.set()
    closing.join(60)
    writer.close()
    assert kept == ["first", "later"]
    assert writer.trouble() is None


def test_a_snapshot_that_waits_gives_way_to_a_later_one_and_to_the_outcome():
    begun, blocked, kept, store = threading.Event(), threading.Event(), [], MemoryStore()

    def put(key, outcome):
        begun.set()
        blocked.wait(60)
        kept.append((key, outcome.weights and outcome.weights[0][0]))

    store.put = put
    writer = StoreWriter(store, most=200)  # Two of 80 bytes.
    writer.put("saved", Outcome([np.full(10, 0.0)]))
    assert begun.wait(60)
    for number in (1.0, 2.0):
        writer.put("saved", Outcome([np.full(10, number)]), instead_of=["saved"])
    writer.put("other", Outcome([np.full(2, 3.0)]))
    writer.put("ended", Outcome([np.full(10, 4.0)]), instead_of=["saved"])
    assert writer.trouble() is None
    blocked.set()
    writer.close()
    assert kept == [("saved", 0.0), ("other", 3.0), ("ended", 4.0), ("saved", None)]


@pytest.mark.parametrize("slow", [False, True])
def test_a_snapshot_stays_where_the_outcome_is_lost(slow):
    begun, blocked, store = threading.Event(), threading.Event(), MemoryStore()
    put = store.put

    def puts(key, outcome):
        begun.set()
        blocked.wait(60)
        if key == "ended":
            raise OSError(28, "No space left on device")
        put(key, outcome)

    store.put = puts
    writer = StoreWriter(store, most=200)
    writer.put("other", Outcome([np.full(10, 0.0)]))
    assert begun.wait(60)
    if slow:
        writer.put("saved", Outcome([np.full(10, 1.0)]))
        writer.put("ended", Outcome([np.full(30, 2.0)]), instead_of=["saved"])
        assert "slower than the training" in writer.trouble()
        blocked.set()
    else:
        blocked.set()
        writer.put("saved", Outcome([np.full(10, 1.0)]))
        writer.close()
        writer.put("ended", Outcome([np.full(10, 2.0)]), instead_of=["saved"])
    writer.close()
    assert slow or "No space left" in writer.trouble()
    assert store.get("saved").weights[0][0] == 1.0


def test_a_search_with_a_store_is_the_search(rows, tmp_path, capsys):
    plain = GridSearchCV(SMALL, GRID, cv=2).fit(*rows)
    found = []
    for _ in range(2):
        search = GridSearchCV(SMALL, GRID, cv=2)
        with kohort.together(store=tmp_path / "store") as cohort:
            search.fit(*rows)
        found.append(cohort.census().found)
        for name, values in plain.cv_results_.items():
            if not name.endswith("_time"):
                np.testing.assert_array_equal(search.cv_results_[name], values)
        for one, other in zip(
            search.best_estimator_.weights_, plain.best_estimator_.weights_, strict=True
        ):
            np.testing.assert_array_equal(one, other)
        assert [record.status for record in cohort.record] == ["finished"] * 5
    assert found == [0, 5]
    told = capsys.readouterr().err.splitlines()
    assert told == ["5 of 5 fits were found in the store, 0 trained."]


def test_the_environment_names_a_store_for_every_fit(rows, tmp_path, monkeypatch):
    monkeypatch.setenv("KOHORT_STORE", str(tmp_path))
    first = kohort.DenseRegressor(width=4, depth=1, epochs=2, random_state=5).fit(*rows)
    assert len(list(FolderStore(tmp_path).entries())) == 1
    with kohort.together(progress=False) as cohort:
        again = kohort.DenseRegressor(width=4, depth=1, epochs=2, random_state=5).fit(*rows)
    assert cohort.census().found == 1
    for one, other in zip(first.weights_, again.weights_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_block_inside_shares_the_store_of_the_one_outside(rows, tmp_path):
    with kohort.together(store=tmp_path / "a"):
        with kohort.together(store=tmp_path / "a"):
            pass
        with (
            pytest.raises(kohort.ParameterError, match="`store` must be that of the open block"),
            kohort.together(store=tmp_path / "b"),
        ):
            raise AssertionError


def test_a_member_that_a_callback_watches_is_trained_each_time(plain):
    store, seen = MemoryStore(), []
    for _ in range(2):
        from dataclasses import replace

        watched = replace(member(epochs=2), on_steps=lambda first, losses: seen.append(first))
        (outcome,), trained, _ = stored(store, [watched])
        assert trained == 1
        assert equal(outcome, plain[0])
    assert len(store) == 0
    assert len(seen) == 4


def test_validated_members_are_judged_on_their_own_rows():
    store = MemoryStore()
    for seed in (1, 2):
        (outcome,), trained, _ = stored(store, [member(validation=table(seed))])
        assert trained == 1
        assert equal(outcome, train([member(validation=table(seed))])[0])

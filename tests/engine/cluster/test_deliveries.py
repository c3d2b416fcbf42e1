"""A cluster: whatever dies, each fit is delivered once, and what has ended is not trained again."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.cluster.conftest import OTHERS, ROWS, FakeCluster, member, trained
from tests.sampling import depth
from tests.store.conftest import FaultyStore

import kohort
from kohort.engine.executors.base import outcome_of
from kohort.engine.executors.cluster import executor
from kohort.engine.executors.cluster.executor import ClusterExecutor
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.fit import Fit

pytestmark = pytest.mark.timeout(120)

faults = st.lists(st.none() | st.integers(0, 8) | st.just("cargo"), max_size=12)
rooms = st.lists(st.integers(0, 4), max_size=10).map(lambda some: [*some, 2])


@settings(max_examples=depth(60))
@given(count=st.integers(1, 40), faults=faults, rooms=rooms, sizes=st.integers(1, 3))
def test_whatever_dies_each_fit_is_delivered_once_and_none_that_ended_is_sent_again(
    count, faults, rooms, sizes
):
    fake = FakeCluster(faults, rooms)
    engine = ClusterExecutor(fake, max_retries=12, say=lambda line: None)
    members = [
        member(seed, batch_size=8 << seed % sizes, rows=(ROWS, OTHERS)[seed % 2])
        for seed in range(count)
    ]
    for seed, fit in enumerate(trained(engine, members)):
        assert outcome_of(fit).weights == [seed]
    assert set(fake.trained.values()) == {1}
    assert engine.repeated == fake.lost == sum(fake.sizes) - count
    assert not fake.called_off  # At its end: Ray aborts a process that cancels what completes.
    assert not engine._handles
    assert not engine._cargo


@settings(max_examples=depth(20))
@given(faults=faults, rooms=rooms, writes=st.sets(st.integers(0, 14)))
def test_what_a_store_has_kept_is_trained_by_no_machine_whichever_of_them_fails(
    faults, rooms, writes
):
    store = FaultyStore(writes)
    members = [member(seed, batch_size=8 << seed % 2) for seed in range(15)]
    for faults_now, expected in ((faults, 15), ([], len(writes))):
        fake = FakeCluster(faults_now, rooms)
        cluster = ClusterExecutor(fake, max_retries=12, say=lambda line: None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fits = trained(StoringExecutor(cluster, store), members)
        assert [outcome_of(fit).weights for fit in fits] == [[seed] for seed in range(15)]
        assert sum(fake.trained.values()) == len(fake.trained) == expected


def test_cargo_is_put_once_for_all_and_again_when_it_was_lost():
    fake = FakeCluster()
    trained(ClusterExecutor(fake, say=lambda line: None), [member(seed) for seed in range(30)])
    assert fake.puts == 1
    assert len(fake.sizes) > 3
    fake = FakeCluster(["cargo"], [1])
    trained(ClusterExecutor(fake, say=lambda line: None), [member(seed) for seed in range(30)])
    assert fake.puts == 2


def test_a_fit_that_kills_who_trains_it_fails_and_its_neighbours_do_not():
    fake, lines = FakeCluster(deadly={5}), []
    fits = trained(
        ClusterExecutor(fake, max_retries=2, say=lines.append), [member(seed) for seed in range(20)]
    )
    with pytest.raises(kohort.ClusterError, match=r"died 3 times \(planted\)"):
        outcome_of(fits[5])
    assert [outcome_of(fit).weights for fit in fits if fit is not fits[5]] == [
        [seed] for seed in range(20) if seed != 5
    ]
    assert lines[0].startswith("a process died on the cluster (planted); ")
    assert "1 fit trains again" in lines[-1]


def test_machines_that_join_are_used_and_those_that_leave_are_not_missed():
    members = [member(seed) for seed in range(60)]
    few, more = FakeCluster(rooms=[1]), FakeCluster(rooms=[1, 1, 5, 5, 5, 2])
    for fake in (few, more):
        trained(ClusterExecutor(fake, say=lambda line: None), members)
    assert (few.most_out, more.most_out) == (2, 10)


def test_portions_shrink_near_the_end():
    fake = FakeCluster(rooms=[2])
    trained(ClusterExecutor(fake, say=lambda line: None), [member(seed) for seed in range(200)])
    assert max(fake.sizes) > 10
    assert fake.sizes[-3:] == [1, 1, 1]


def test_a_line_says_that_no_machine_has_room(monkeypatch):
    monkeypatch.setattr(executor, "_PATIENCE", 0.0)
    lines = []
    trained(ClusterExecutor(FakeCluster(rooms=[0, 0, 1]), say=lines.append), [member()])
    assert "no machine of the cluster has room" in lines[0]


def test_histories_grow_and_begin_anew_when_they_are_lost():
    engine, seen = ClusterExecutor(FakeCluster([1], [1]), say=lambda line: None), []
    rewind = Fit.rewind

    def rewound(fit):
        seen.append((dict(fit.history), fit.epoch))
        rewind(fit)
        seen.append((dict(fit.history), fit.epoch))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fit, "rewind", rewound)
        trained(engine, [member()])
    assert seen == [({"loss": [0.5]}, 1), ({}, 0)]

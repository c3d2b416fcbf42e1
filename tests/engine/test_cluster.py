"""A cluster: whatever dies, each fit is delivered once, and what has ended is not trained again."""

import pickle
import threading
import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth
from tests.store.conftest import FaultyStore

import kohort
from kohort.engine import plan
from kohort.engine.executors import local
from kohort.engine.executors.base import outcome_of
from kohort.engine.executors.cluster import errand, executor
from kohort.engine.executors.cluster.base import Ending, Lost, Over, Refused, Report
from kohort.engine.executors.cluster.executor import ClusterExecutor
from kohort.engine.executors.cluster.parcels import cargo_of, pack, unpack
from kohort.engine.executors.cluster.shares import BLIND, Waiting
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.fit import Fit
from kohort.engine.member import Member, Outcome, Rows, Verdict
from kohort.engine.rows import LazyRows
from kohort.engine.saving import Saving
from kohort.engine.store import MemoryStore
from kohort.engine.times import Times
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe
from kohort.studies.diagnosis.instruments import Instruments

pytestmark = pytest.mark.timeout(60)

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
ROWS, OTHERS = Rows(X, X[:, :1] ** 2), Rows(X[:20], X[:20, 1:2])


@pytest.fixture(scope="module", autouse=True)
def compiler():
    """The lent compiler alone: these tests do not depend on it."""


class PlantedError(Exception):
    """An error that a test plants."""


def member(seed=0, batch_size=16, rows=ROWS, dropout=0.0, **changes):
    recipe = Recipe.of(
        loss="mse", depth=1, width=4, batch_size=batch_size, epochs=3, early_stopping=False,
        dropout=dropout,
    )  # fmt: skip
    return Member(**{**fields_of(recipe, 3, 1), "rows": rows, "seed": seed, **changes})


class Delivered:
    """Fits that were delivered, in order."""

    def __init__(self):
        self.fits, self._left = [], threading.Semaphore(0)

    def __call__(self, fit):
        self.fits.append(fit)
        self._left.release()

    def wait(self, count, seconds=20):
        for _ in range(count):
            assert self._left.acquire(timeout=seconds), "a fit was never delivered"
        assert len(set(self.fits)) == len(self.fits) == count


def trained(engine, members):
    """The fits of some members, delivered once each."""
    delivered = Delivered()
    fits = [engine.submit(one, delivered) for one in members]
    engine.start()
    delivered.wait(len(members))
    engine.join(10)
    assert not engine.busy
    census = engine.census()
    assert census.submitted == census.ended == len(fits)
    assert census.training == census.waiting == engine.arrivals == 0
    return fits


class FakeCluster:
    """Machines that train nothing: the outcome of a member is its seed. Errands die as planned.

    A fault is the number of news after which an errand dies: 0 before anything, 1 when it has
    begun, then one more for each member; larger than that, after its last delivery. "cargo" loses
    what was kept as well.
    """

    cores, platform = 1, "cpu"

    def __init__(self, faults=(), rooms=(2,), deadly=()):
        self._faults, self._rooms = list(faults), list(rooms)
        self._deadly = set(deadly)
        self._kept, self._news, self._left, self._ended = {}, {}, {}, Counter()
        self.trained, self.lost, self.called_off, self.sizes = Counter(), 0, [], []
        self.most_out = self.puts = 0

    def places(self):
        return self._rooms.pop(0) if len(self._rooms) > 1 else self._rooms[0]

    def keep(self, cargo):
        self.puts += 1
        self._kept[self.puts] = cargo
        return self.puts

    def launch(self, terms, parcel, cargo):
        pieces = [self._kept.get(name) for name in cargo]
        members = [one.member for one in unpack(parcel, pieces)]
        fault = self._faults.pop(0) if self._faults else None
        if fault == "cargo":
            for name in cargo:
                self._kept.pop(name, None)
        gone = not all(name in self._kept for name in cargo)
        task = object()
        self._news[task] = [Lost("planted", cargo=True)] if gone else self._told(members, fault)
        self._left[task] = [one.seed for one in members]
        self.most_out = max(self.most_out, len(self._news))
        self.sizes.append(len(members))
        return task

    def _told(self, members, fault):
        news = [Report(begun=tuple(range(len(members))), logs={0: {"loss": [0.5]}})]
        for number, one in enumerate(members):
            if one.seed in self._deadly:
                return [*news, Lost("planted")]
            ending = Ending(Outcome([np.array(one.seed)], {"loss": [0.5, 0.25]}))
            news.append(Report(ended={number: ending}, times=Times(train=1.0)))
        return [*news, Over()] if fault is None else [*news[:fault], Lost("planted")]

    def wait(self, tasks, seconds):
        assert set(tasks) == self._news.keys()
        return [(task, self._next(task)) for task in tasks]

    def _next(self, task):
        news, left = self._news[task].pop(0), self._left[task]
        if isinstance(news, Report):
            self.trained.update(left[number] for number in news.ended)
            self._ended[task] += len(news.ended)
        else:
            self.lost += len(left) - self._ended[task]
            del self._news[task]
        return news

    def call_off(self, task):
        self.called_off.append(task)
        self._news[task] = [Over()]


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


class TestEnds:
    def test_what_waits_and_what_is_out_can_be_cancelled(self):
        fake = FakeCluster()
        fake.wait = lambda tasks, seconds: []
        engine, delivered = ClusterExecutor(fake, say=lambda line: None), Delivered()
        fits = [engine.submit(member(seed), delivered) for seed in range(40)]
        engine.start()
        while not engine._errands:
            pass
        engine.cancel(fits[30:])
        engine.cancel()
        del fake.wait
        delivered.wait(40)
        for fit in fits:
            with pytest.raises(kohort.CancelledError):
                outcome_of(fit)
        engine.join(10)
        assert fake.called_off
        assert not fake._news
        assert not engine.busy

    def test_an_errand_is_called_off_while_it_trains_what_nobody_waits_for(self):
        fake, delivered = FakeCluster(rooms=[1]), Delivered()
        engine, news = ClusterExecutor(fake, say=lambda line: None), fake.wait
        fits = [engine.submit(member(seed), delivered) for seed in range(4)]

        def wait(tasks, seconds):
            told = news(tasks, seconds)
            if fake.trained:
                engine.cancel(fits[1:])
            return told

        fake.wait = wait
        engine.start()
        delivered.wait(4)
        engine.join(10)
        assert len(fake.called_off) == 1
        assert [fit.error is None for fit in fits] == [True, False, False, False]

    @pytest.mark.parametrize("name", ["launch", "keep", "wait", "places"])
    def test_an_error_of_the_cluster_is_that_of_the_fits(self, name):
        fake = FakeCluster()
        engine = ClusterExecutor(fake, say=lambda line: None)

        def fail(*_):
            raise PlantedError

        setattr(fake, name, fail)
        for fit in trained(engine, [member(), member(1)]):
            with pytest.raises(PlantedError):
                outcome_of(fit)
        delattr(fake, name)
        fake._news.clear()
        assert outcome_of(trained_again(engine, member(2))).weights == [2]

    @pytest.mark.parametrize(
        ("news", "error"), [(Refused(PlantedError()), PlantedError), (Over(), kohort.ClusterError)]
    )
    def test_an_errand_that_cannot_be_run(self, news, error):
        fake = FakeCluster()
        fake._told = lambda *_: [news]
        for fit in trained(ClusterExecutor(fake, say=lambda line: None), [member(), member(1)]):
            with pytest.raises(error):
                outcome_of(fit)


def trained_again(engine, one):
    delivered = Delivered()
    fit = engine.submit(one, delivered)
    engine.start()
    delivered.wait(1)
    return fit


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


class Processes:
    """A cluster of this process: errands are what they are, one piece of news after the other."""

    cores, platform = 1, "cpu"

    def __init__(self):
        self._running = {}

    def places(self):
        return 1

    def keep(self, cargo):
        return pickle.dumps(cargo)

    def launch(self, terms, parcel, cargo):
        pieces = [pickle.loads(piece) for piece in cargo]
        task = object()
        self._running[task] = errand.run(terms, parcel, pieces)
        return task

    def wait(self, tasks, seconds):
        task = next(iter(tasks))
        try:
            return [(task, pickle.loads(pickle.dumps(next(self._running[task]))))]
        except StopIteration:
            return [(task, Over())]

    def call_off(self, task):
        self._running[task].close()


class Dying(Processes):
    """Its first errand dies when it has told of a snapshot."""

    deaths = 0

    def wait(self, tasks, seconds):
        news = super().wait(tasks, seconds)
        ((task, report),) = news
        if not self.deaths and isinstance(report, Report) and report.saved:
            self.deaths += 1
            self.saved = report.saved[0]
            self.call_off(task)
            news.append((task, Lost("planted")))
        return news


def refusing():
    """An executor of this machine that nothing may come to."""
    executor = local.LocalExecutor(1)
    executor.submit = pytest.fail
    return executor


class TestTravelling:
    def test_results_are_those_of_one_machine_to_the_last_bit(self):
        parts = np.arange(30), np.arange(10, 40)
        members = [
            member(seed, train=parts[seed % 2], validation=OTHERS, batch_size=8 << seed % 2)
            for seed in range(8)
        ]
        fits = trained(ClusterExecutor(Processes(), say=lambda line: None), members)
        for fit, expected in zip(fits, local.train(members), strict=True):
            found = outcome_of(fit)
            assert (found.history, found.status) == (expected.history, expected.status)
            assert fit.history == expected.history
            for one, other in zip(found.weights, expected.weights, strict=True):
                np.testing.assert_array_equal(one, other)

    def test_listeners_of_steps_are_told_what_they_would_hear_here(self):
        heard, elsewhere = [], []
        here, there = (
            member(on_steps=lambda first, losses, to=to: to.append((first, losses.tolist())))
            for to in (heard, elsewhere)
        )
        trained(ClusterExecutor(Processes(), refusing(), say=pytest.fail), [there])
        local.train([here])
        assert elsewhere == heard != []

    @pytest.mark.rest
    def test_instruments_read_what_they_would_read_here(self):
        here, there = Instruments(3), Instruments(3)
        trained(
            ClusterExecutor(Processes(), refusing(), say=pytest.fail), [member(instrument=there)]
        )
        local.train([member(instrument=here)])
        assert there.steps == here.steps != []
        np.testing.assert_array_equal(there.layers, here.layers)
        np.testing.assert_array_equal(there.whole, here.whole)

    def test_a_member_pauses_on_one_machine_and_goes_on_on_another(self):
        whole = member(dropout=0.2)
        (paused,) = trained(
            ClusterExecutor(Processes(), refusing(), say=pytest.fail), [replace(whole, until=1)]
        )
        rest = replace(whole, resumed=outcome_of(paused).snapshot)
        engine = ClusterExecutor(Processes(), refusing(), say=pytest.fail)
        (fit,), (expected,) = trained(engine, [rest]), local.train([whole])
        assert outcome_of(fit).history == expected.history
        assert engine.census().epochs == 2
        for one, other in zip(outcome_of(fit).weights, expected.weights, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_snapshots_come_back_and_fits_go_on_from_them(self, monkeypatch):
        monkeypatch.setattr(errand, "PAUSE", 0.005)
        long = replace(member(dropout=0.2), epochs=1000)
        (expected,) = local.train([long])
        dying, store, begun = Dying(), MemoryStore(), []
        launch = dying.launch

        def launched(terms, parcel, cargo):
            (packed,) = unpack(parcel, [pickle.loads(piece) for piece in cargo])
            begun.append(packed.member.begins)
            return launch(terms, parcel, cargo)

        dying.launch = launched
        engine = StoringExecutor(
            ClusterExecutor(dying, refusing(), say=lambda line: None), store, interval=0.0
        )
        (fit,) = trained(engine, [long])
        assert dying.deaths == 1
        assert begun[0] == 0 < begun[1] == dying.saved.epoch
        outcome = outcome_of(fit)
        assert outcome.history == fit.history == expected.history
        for one, other in zip(outcome.weights, expected.weights, strict=True):
            np.testing.assert_array_equal(one, other)
        assert len(store) == 2  # The outcome, and nothing in the place of its snapshot.

    def test_a_fit_that_is_sent_the_moment_it_is_submitted_is_saved(self):
        fake, sent, intervals = FakeCluster(), threading.Semaphore(0), []
        launch, news = fake.launch, fake.wait

        def launched(terms, *rest):
            intervals.append(terms.interval)
            sent.release()
            return launch(terms, *rest)

        class Awaiting(ClusterExecutor):
            def submit(self, *given):
                fit = super().submit(*given)
                assert self._thread is None or sent.acquire(timeout=20)
                return fit

        fake.launch = launched
        fake.wait = lambda tasks, seconds: news(tasks, seconds) if len(intervals) > 1 else []
        cluster = Awaiting(fake, refusing(), say=pytest.fail)
        engine, delivered = StoringExecutor(cluster, MemoryStore(), interval=7.0), Delivered()
        engine.submit(member(), delivered)
        engine.start()
        assert sent.acquire(timeout=20)
        engine.submit(member(1), delivered)
        delivered.wait(2)
        engine.join(10)
        assert intervals == [7.0, 7.0]

    def test_an_errand_has_the_interval_of_whichever_fit_is_saved(self):
        fits = [Fit(member()), Fit(member(1), Saving(lambda snapshot: None, 7.0))]
        assert errand.terms_of(1, fits).interval == 7.0

    def test_a_listener_s_error_is_its_own_fit_s(self):
        def listener(first, losses):
            raise PlantedError

        engine = ClusterExecutor(Processes(), say=lambda line: None)
        broken, other = trained(engine, [member(on_steps=listener), member(1)])
        with pytest.raises(PlantedError):
            outcome_of(broken)
        assert outcome_of(other).status == "finished"

    def test_what_cannot_travel_trains_here_and_a_line_says_why(self):
        class Unpicklable:
            def __reduce__(self):
                raise PlantedError("planted")

        class Streamed(LazyRows):
            shape, dtype, digest = X.shape, X.dtype, b"streamed"

            def __getitem__(self, rows):
                return X[rows]

            def reader(self, order, first, last):
                raise PlantedError("planted")

        def initial(generator):
            return fields["initial"](generator)

        fields = fields_of(Recipe.of(loss="mse", depth=1, width=4), 3, 1)
        initial.bound = Unpicklable()
        lines, threads = [], []

        def on_epoch(epoch, logs, weights):
            threads.append(threading.current_thread().name)
            return Verdict()

        engine = ClusterExecutor(Processes(), say=lines.append)
        stay = [member(on_epoch=on_epoch) for _ in range(2)]
        fits = trained(
            engine,
            [*stay, member(1), member(rows=Rows(Streamed(), ROWS.y)), member(initial=initial)],
        )
        assert [outcome_of(fit).status for fit in fits if fit is not fits[3]] == ["finished"] * 4
        assert set(threads) == {"kohort-worker"}
        assert lines == [
            "2 fits train here, since a callback belongs to this process.",
            "1 fit trains here, since their rows are read from files of this machine.",
            "1 fit trains here, since what they begin with cannot be pickled "
            "(PlantedError: planted).",
        ]

    def test_an_error_brings_its_traceback(self):
        def fail():
            raise PlantedError("planted")

        try:
            fail()
        except PlantedError as error:
            carried = pickle.loads(pickle.dumps(errand.portable(error)))
        assert isinstance(carried, PlantedError)
        assert "in fail" in carried.__notes__[0]

        class LocalError(Exception):
            def __reduce__(self):
                raise PlantedError

        assert str(errand.portable(LocalError("why"))) == "LocalError: why"

    def test_row_numbers_of_equal_content_travel_once(self):
        train = [np.arange(3000) for _ in range(2)]
        members = [member(train=part) for part in train]
        parcel, pieces = pack(members, [cargo_of(one) for one in members])
        assert len(pieces) == 2
        first, second = unpack(parcel, list(pieces.values()))
        assert first.member.train is second.member.train
        assert first.member.rows is second.member.rows

    def test_a_machine_with_another_version_is_refused(self):
        terms = replace(errand.terms_of(1, [Fit(member())]), versions="kohort 0")
        with pytest.raises(kohort.ClusterError, match="the driver has kohort 0"):
            next(errand.run(terms, b"", []))

    def test_what_is_not_equal_to_the_last_bit_is_said_and_not_kept(self):
        lines, store, cluster = [], MemoryStore(), Processes()
        launch = cluster.launch
        cluster.launch = lambda terms, *rest: launch(replace(terms, numerics="avx4096"), *rest)
        engine = StoringExecutor(ClusterExecutor(cluster, refusing(), say=lines.append), store)
        assert [outcome_of(f).status for f in trained(engine, [member(1)])] == ["finished"]
        assert len(store) == 0
        assert "does not compute as this one does" in lines[0]
        cluster.launch = launch
        trained_again(engine, member(2))
        engine.join(10)
        assert len(lines) == len(store) == 1


class TestShares:
    @settings(max_examples=depth(50))
    @given(
        sizes=st.lists(st.sampled_from([4, 8, 16]), min_size=1, max_size=40),
        places=st.integers(1, 8),
        cores=st.integers(1, 4),
        floor=st.integers(1, 4),
        speed=st.none() | st.floats(1e3, 1e9),
        accelerated=st.booleans(),
    )
    def test_each_fit_is_taken_once_with_those_that_share_its_program(
        self, sizes, places, cores, floor, speed, accelerated
    ):
        waiting = Waiting(cores, lambda structure, count: floor, accelerated)
        fits = [Fit(member(seed, size)) for seed, size in enumerate(sizes)]
        waiting.add(fits)
        taken = []
        while len(waiting):
            batch = waiting.take(places, speed)
            assert len({plan.structure_of(fit.member).group for fit in batch}) == 1
            if speed is None and not accelerated:
                assert len(batch) <= max(BLIND, floor) * cores
            taken += batch
            waiting.over(batch)
        assert Counter(taken) == Counter(fits)

    def test_those_that_died_come_first_and_in_smaller_company(self):
        waiting = Waiting(1, lambda structure, count: 16, False)
        dead, others = [Fit(member(s)) for s in range(16)], [Fit(member(s)) for s in range(3)]
        waiting.add(others)
        assert waiting.again(dead, [], 1) == []
        assert waiting.take(1, None) == dead[:2]
        assert waiting.again(dead[:2], [], 1) == []
        assert waiting.take(1, None) == dead[:1]
        assert waiting.again(dead[:1], [], 1) == []
        assert waiting.again(dead[:1], [], 1) == dead[:1]

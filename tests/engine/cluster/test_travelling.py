"""Members travel to other processes and back, and compute there what they compute here."""

import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest
from tests.engine.cluster.conftest import (
    OTHERS,
    ROWS,
    Delivered,
    FakeCluster,
    X,
    member,
    trained,
    trained_again,
)
from tests.engine.faults import PlantedError, UnopenableRows, raising

import kohort
from kohort.engine.executors import local
from kohort.engine.executors.base import outcome_of
from kohort.engine.executors.cluster import errand
from kohort.engine.executors.cluster.base import Lost, Over, Report
from kohort.engine.executors.cluster.executor import ClusterExecutor
from kohort.engine.executors.cluster.parcels import cargo_of, pack, unpack
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.fit import Fit
from kohort.engine.member import Rows, Verdict
from kohort.engine.saving import Saving
from kohort.engine.store import MemoryStore
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe
from kohort.studies.diagnosis.instruments import Instruments

pytestmark = pytest.mark.timeout(120)


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
    """Its first errand, which waits with its first snapshot for this, dies when that was told."""

    deaths = 0

    def __init__(self):
        super().__init__()
        self.told = threading.Event()

    def wait(self, tasks, seconds):
        news = super().wait(tasks, seconds)
        ((task, report),) = news
        if not self.deaths and isinstance(report, Report) and report.saved:
            self.deaths += 1
            self.saved = report.saved[0]
            self.told.set()
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
        save = errand._Desk.save

        def saved(desk, fit, snapshot):
            save(desk, fit, snapshot)
            assert dying.told.wait(60)

        monkeypatch.setattr(errand, "PAUSE", 0.005)
        monkeypatch.setattr(errand._Desk, "save", saved)
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
                assert self._thread is None or sent.acquire(timeout=60)
                return fit

        fake.launch = launched
        fake.wait = lambda tasks, seconds: news(tasks, seconds) if len(intervals) > 1 else []
        cluster = Awaiting(fake, refusing(), say=pytest.fail)
        engine, delivered = StoringExecutor(cluster, MemoryStore(), interval=7.0), Delivered()
        engine.submit(member(), delivered)
        engine.start()
        assert sent.acquire(timeout=60)
        engine.submit(member(1), delivered)
        delivered.wait(2)
        engine.join(60)
        assert intervals == [7.0, 7.0]

    def test_an_errand_has_the_interval_of_whichever_fit_is_saved(self):
        fits = [Fit(member()), Fit(member(1), Saving(lambda snapshot: None, 7.0))]
        assert errand.terms_of(1, fits).interval == 7.0

    def test_a_listener_s_error_is_its_own_fit_s(self):
        engine = ClusterExecutor(Processes(), say=lambda line: None)
        broken, other = trained(engine, [member(on_steps=raising), member(1)])
        with pytest.raises(PlantedError):
            outcome_of(broken)
        assert outcome_of(other).status == "finished"

    def test_what_cannot_travel_trains_here_and_a_line_says_why(self):
        class Unpicklable:
            __reduce__ = raising

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
            [
                *stay,
                member(1),
                member(rows=Rows(UnopenableRows(X), ROWS.y)),
                member(initial=initial),
            ],
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
        try:
            raising()
        except PlantedError as error:
            carried = pickle.loads(pickle.dumps(errand.portable(error)))
        assert isinstance(carried, PlantedError)
        assert "in raising" in carried.__notes__[0]

        class LocalError(Exception):
            __reduce__ = raising

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
        engine.join(60)
        assert len(lines) == len(store) == 1

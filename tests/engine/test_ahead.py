"""Programs compiled ahead: those that will be needed, once, and nobody waits for another's."""

import threading
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from tests.engine.test_compilers import FakeCompiler

from kohort.engine.batches import HostBatches
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.executors import local
from kohort.engine.executors.base import outcome_of, submit_all, train_with
from kohort.engine.executors.inline import InlineExecutor
from kohort.engine.executors.local import LocalExecutor
from kohort.engine.plan import structure_of
from kohort.engine.programs import compilations
from kohort.networks.own.network import OwnNetwork

pytestmark = pytest.mark.parametrize("compiler", ["xla"], indirect=True)


@pytest.fixture(autouse=True)
def of_one_group(monkeypatch):
    """As Keras models are: every network of a group is equal to any other."""
    monkeypatch.setattr(OwnNetwork, "final", True)


class Slow(FakeCompiler):
    """Its programs are built where `gates` says so, and noted with the thread that builds them."""

    def __init__(self, *gates):
        super().__init__()
        self.gates, self.built, self.builders = dict(gates), set(), Counter()
        self._lock = threading.Lock()

    def has_train(self, structure, slots, device):
        return structure in self.built

    def train(self, structure, slots, device):
        if gate := self.gates.get(structure.batch_size):
            assert gate.wait(60)
        with self._lock:
            if structure not in self.built:
                self.builders[structure.batch_size, threading.current_thread().name] += 1
                self.built.add(structure)
        return super().train(structure, slots, device)

    def feed(self, structure, slots, device, resident):
        return HostBatches(structure, slots, device, self, False)

    def arguments(self, structure, slots, streamed):
        return 0

    def footprint(self, structure, slots, device, streamed):
        return SimpleNamespace(total=0)


def members_of(member, table, count, batch_size=10, width=1000):
    rows, judged = table(40), table(20)
    return [
        member(rows=rows, validation=judged, seed=seed, batch_size=batch_size, width=width)
        for seed in range(count)
    ]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_will_be_needed_is_compiled_before_anything_trains(threads, member, table):
    members = members_of(member, table, 4)
    executor = LocalExecutor(threads, XlaCompiler())
    ended = threading.Event()
    with compilations() as log:
        fits = submit_all(executor, members[:1], lambda: None)
        executor._ahead.join()
        assert log == []  # One member alone would have fewer slots.
        fits += submit_all(executor, members[1:], ended.set)
        executor._ahead.join()
        ahead = sorted(entry.kind for entry in log)
        executor.start()
        assert ended.wait(60)
        executor.join()
    assert ahead == ["evaluate", "train"]
    assert len(log) == 2  # Training has compiled nothing more.
    alone = train_with(InlineExecutor(compiler=XlaCompiler()), members)
    for fit, theirs in zip(fits, alone, strict=True):
        ours = outcome_of(fit)
        assert ours.history == theirs.history
        for one, other in zip(ours.weights, theirs.weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_thread_trains_what_is_ready_while_other_programs_are_compiled(member, table):
    gate, ended = threading.Event(), threading.Event()
    compiler = Slow((9, gate))
    late = members_of(member, table, 9, batch_size=9)
    ready = members_of(member, table, 1, batch_size=8)
    executor = LocalExecutor(1, compiler)
    fits = submit_all(executor, late, lambda: None)
    assert executor._ahead.busy_with(structure_of(late[0]))
    (soon,) = submit_all(executor, ready, ended.set)
    executor.start()
    assert ended.wait(60)
    assert outcome_of(soon).history
    assert not any(fit.result for fit in fits)
    gate.set()
    executor.join()
    assert all(outcome_of(fit).history for fit in fits)


def test_an_accelerator_s_waiting_groups_are_compiled_while_it_trains(member, table, monkeypatch):
    device = SimpleNamespace(platform="gpu", memory_stats=lambda: None)
    monkeypatch.setattr(local, "threads_of", lambda threads: [device])
    gate = threading.Event()
    compiler = Slow((9, gate))
    executor = LocalExecutor(None, compiler)
    members = [*members_of(member, table, 9, 9), *members_of(member, table, 1, 8)]
    fits = submit_all(executor, members, lambda: None)
    executor.start()
    for _ in range(300):
        if compiler.builders:
            break
        threading.Event().wait(0.1)
    gate.set()
    executor.join()
    assert all(outcome_of(fit).history for fit in fits)
    assert compiler.builders[8, "kohort-ahead"] == 1
    assert sum(compiler.builders.values()) == 2
    assert all(outcome_of(fit).history for fit in fits)


def test_nothing_more_is_compiled_once_all_is_cancelled(member, table):
    gate = threading.Event()
    compiler = Slow((9, gate))
    executor = LocalExecutor(1, compiler)
    submit_all(executor, members_of(member, table, 9, 9), lambda: None)
    submit_all(executor, members_of(member, table, 9, 8), lambda: None)
    executor.cancel()
    gate.set()
    executor.join()
    assert set(compiler.builders) <= {(9, "kohort-ahead")}
    assert not executor.busy


def test_what_fails_ahead_is_told_to_those_who_need_it(member, table):
    class Broken(Slow):
        def train(self, structure, slots, device):
            raise RuntimeError("no program")

    with pytest.raises(RuntimeError, match="no program"):
        train_with(LocalExecutor(1, Broken()), members_of(member, table, 9))

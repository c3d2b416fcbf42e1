"""A cluster of machines that die as planned, and members to send there."""

import threading
from collections import Counter

import numpy as np
import pytest

from kohort.engine.executors.cluster.base import Ending, Lost, Over, Report
from kohort.engine.executors.cluster.parcels import unpack
from kohort.engine.member import Member, Outcome, Rows
from kohort.engine.times import Times
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
ROWS, OTHERS = Rows(X, X[:, :1] ** 2), Rows(X[:20], X[:20, 1:2])


@pytest.fixture(scope="module", autouse=True)
def compiler():
    """The lent compiler alone: these tests do not depend on it."""


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

    def wait(self, count, seconds=60):
        for _ in range(count):
            assert self._left.acquire(timeout=seconds), "a fit was never delivered"
        assert len(set(self.fits)) == len(self.fits) == count


def trained(engine, members):
    """The fits of some members, delivered once each."""
    delivered = Delivered()
    fits = [engine.submit(one, delivered) for one in members]
    engine.start()
    delivered.wait(len(members))
    engine.join(60)
    assert not engine.busy
    census = engine.census()
    assert census.submitted == census.ended == len(fits)
    assert census.training == census.waiting == engine.arrivals == 0
    return fits


def trained_again(engine, one):
    delivered = Delivered()
    fit = engine.submit(one, delivered)
    engine.start()
    delivered.wait(1)
    return fit


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

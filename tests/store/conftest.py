"""Small members, and stores that fail in every way."""

import errno
import time

import numpy as np
import pytest

from kohort.engine.member import Member, Rows
from kohort.engine.store import MemoryStore
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe

SMALL = {
    "loss": "mse", "depth": 1, "width": 4, "batch_size": 8, "epochs": 3, "early_stopping": False,
}  # fmt: skip


def table(seed=0, rows=20):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 3)).astype(np.float32)
    return Rows(x, (x[:, :1] ** 2).astype(np.float32))


def member(rows=None, seed=0, train=None, validation=None, **recipe):
    fields = fields_of(Recipe.of(**{**SMALL, **recipe}), 3, 1)
    rows = table() if rows is None else rows
    return Member(**fields, rows=rows, seed=seed, train=train, validation=validation)


def equal(one, other):
    """Whether two outcomes are the same to the last bit."""
    same = (one.history, one.status, one.best_epoch, one.cause, one.weights is None) == (
        other.history, other.status, other.best_epoch, other.cause, other.weights is None
    )  # fmt: skip
    pairs = zip(one.weights or (), other.weights or (), strict=True)
    return same and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs
    )


class FaultyStore(MemoryStore):
    """Fails at chosen writes and reads, and answers late."""

    def __init__(self, writes=(), reads=(), error=None, late=0.0):
        super().__init__()
        self._writes, self._reads, self._late = set(writes), set(reads), late
        self._error = error or OSError(errno.ENOSPC, "No space left on device")
        self.put_calls = self.get_calls = 0

    def __repr__(self):
        return "the faulty one"

    def put(self, key, outcome):
        time.sleep(self._late)
        self.put_calls += 1
        if self.put_calls - 1 in self._writes:
            raise self._error
        super().put(key, outcome)

    def get(self, key):
        time.sleep(self._late)
        self.get_calls += 1
        if self.get_calls - 1 in self._reads:
            raise self._error
        return super().get(key)


@pytest.fixture(name="member")
def _member():
    return member


@pytest.fixture(name="table")
def _table():
    return table


@pytest.fixture(name="equal")
def _equal():
    return equal


@pytest.fixture
def faulty():
    return FaultyStore

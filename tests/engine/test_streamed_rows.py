"""Members that read files train as those in memory do, and read each file once together."""

from dataclasses import replace

import numpy as np
import pytest

import kohort
from kohort.data.streams import Stream
from kohort.engine.executors.local import LocalExecutor, train
from kohort.engine.member import Member, Rows
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe

FEATURES = 6


class Source:
    """Rows of bytes from memory that count how often they are read, and may be at fault."""

    part_rows = 16

    def __init__(self, values, bad=()):
        self.values, self.bad, self.read = values, bad, 0

    digest = b"source"

    def __len__(self):
        return len(self.values)

    def __getitem__(self, rows):
        self.read += len(rows)
        for row in rows:
            if row in self.bad:
                raise ValueError(f"row-{row}.png does not exist")
        return self.values[rows]


@pytest.fixture
def table():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 255, (75, FEATURES), np.uint8)
    y = (x[:, :1] / 255 - 0.5).astype(np.float32)
    return x, y


def member(x, y, seed=0, train=None, **fields):
    recipe = Recipe.of(
        loss="mse", depth=1, width=8, batch_size=8, epochs=3, early_stopping=False,
        learning_rate=1e-4, **fields,
    )  # fmt: skip
    return Member(**fields_of(recipe, FEATURES, 1), rows=Rows(x, y), seed=seed, train=train)


def stream_of(source, workers=0):
    return Stream(source, (FEATURES,), np.uint8, workers)


def same(one, other):
    for ours, theirs in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_bytes_train_as_the_floats_that_they_are(table):
    x, y = table
    (floats,), (whole,) = train([member(x.astype(np.float32), y)], 1), train([member(x, y)], 1)
    same(floats, whole)


@pytest.mark.parametrize("rows", [None, np.arange(3, 60)])
def test_a_stream_trains_as_memory_does(table, rows):
    x, y = table
    source = Source(x)
    (streamed,) = train([member(stream_of(source), y, train=rows)], 1)
    (resident,) = train([member(x, y, train=rows)], 1)
    same(streamed, resident)
    assert source.read == 3 * (75 if rows is None else len(rows))


def test_members_of_one_order_read_together_whatever_the_threads(table):
    x, y = table
    source = Source(x)
    rows = Rows(stream_of(source), y)
    rates = np.geomspace(1e-5, 1e-3, 20)
    members = [replace(member(x, y), rows=rows, pace=member(x, y).pace.at(rate)) for rate in rates]
    outcomes = train(members, 1)
    assert source.read == 3 * 75
    for one, outcome in zip(members, outcomes, strict=True):
        (alone,) = train([replace(one, rows=Rows(x, y))], 1)
        for ours, theirs in zip(outcome.weights, alone.weights, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_the_fault_of_a_file_is_that_of_the_members_that_need_it(table):
    x, y = table
    rows = Rows(stream_of(Source(x, bad=(70,))), y)
    whole = replace(member(x, y), rows=rows)
    (fine,) = train([replace(whole, train=np.arange(60))], 1)
    same(fine, train([member(x, y, train=np.arange(60))], 1)[0])
    with pytest.raises(kohort.DataError, match=r"row-70\.png does not exist"):
        train([whole, replace(whole, train=np.arange(60))], 1)


def test_a_fault_in_rows_to_validate_on_is_that_of_the_members_that_they_judge(table):
    x, y = table
    judged = replace(member(x, y), validation=Rows(stream_of(Source(x, bad=(70,))), y))
    executor = LocalExecutor(1)
    faulty, fine = (executor.submit(one, lambda fit: None) for one in (judged, member(x, y)))
    executor.start()
    executor.join()
    assert isinstance(faulty.error, kohort.DataError)
    assert "row-70.png does not exist" in str(faulty.error)
    alone = train([member(x, y)], 1)[0]
    for ours, theirs in zip(fine.result.weights, alone.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)

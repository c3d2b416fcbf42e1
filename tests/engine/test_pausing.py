"""A member that pauses and goes on ends bit for bit as one that trains to its end at once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.test_techniques_in_a_cohort import _ALONE as TECHNIQUES
from tests.engine.test_techniques_in_a_cohort import _combinations as combinations
from tests.sampling import depth

from kohort.engine import plan
from kohort.engine.content import content_key, digest_of
from kohort.engine.executors.base import train_with
from kohort.engine.executors.inline import InlineExecutor
from kohort.engine.executors.local import LocalExecutor, train
from kohort.engine.executors.storing import StoringExecutor
from kohort.engine.member import Rows, Verdict
from kohort.engine.rows import LazyRows
from kohort.engine.store import MemoryStore

_SMALL = {"depth": 2, "width": [11, 5], "epochs": 6, "optimizer": "adam", "learning_rate": 0.01}


def in_parts(members, pauses, run=train):
    """Outcomes of members that pause after each of these epochs, and how many went on each time."""
    outcomes, going, counts = {}, dict(enumerate(members)), []
    for until in [*pauses, None]:
        counts.append(len(going))
        found = run([replace(one, until=until) for one in going.values()])
        outcomes |= dict(zip(going, found, strict=True))
        going = {
            place: replace(members[place], resumed=outcomes[place].snapshot)
            for place in going
            if outcomes[place].status == "paused"
        }
        if not going:
            break
    assert not going
    return [outcomes[place] for place in sorted(outcomes)], counts


def assert_same_bits(parts, whole):
    assert (parts.status, parts.cause) == (whole.status, whole.cause)
    assert (parts.epochs, parts.best_epoch) == (whole.epochs, whole.best_epoch)
    np.testing.assert_equal(parts.history, whole.history)
    assert (parts.weights is None) == (whole.weights is None)
    assert parts.snapshot is None
    for mine, other in zip(parts.weights or (), whole.weights or (), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.fixture(scope="module")
def assert_pausing_changes_nothing(member, table):
    def check(fields, pauses, seed=0):
        fields = _SMALL | fields
        loss = fields.get("loss", "mse")
        rows, other = table(37, loss, True), table(20, loss, True, seed=4)
        one = member(rows=rows, validation=other, seed=seed, **fields)
        (whole,) = train([one], threads=1)
        (parts,), _ = in_parts([one], pauses, lambda members: train(members, threads=1))
        assert_same_bits(parts, whole)

    return check


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_technique_goes_on_where_it_paused(technique, assert_pausing_changes_nothing):
    assert_pausing_changes_nothing(TECHNIQUES[technique], [1, 3])


@settings(max_examples=depth(8))
@given(
    fields=combinations(),
    stopping=st.booleans(),
    patience=st.integers(0, 2),
    min_delta=st.sampled_from([0.0, 0.05]),
    pauses=st.sets(st.integers(1, 7), min_size=1).map(sorted),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_recipe_goes_on_where_it_paused(
    assert_pausing_changes_nothing, fields, stopping, patience, min_delta, pauses, seed
):
    fields |= {"early_stopping": stopping, "patience": patience, "min_delta": min_delta}
    assert_pausing_changes_nothing(fields, pauses, seed)


@pytest.fixture
def crowd(member, table):
    """Members of several structures, lengths and fates."""
    rows, validation = table(40, weighted=True), table(11, seed=2)
    return [
        member(
            rows=rows, validation=validation, seed=seed, width=1 + seed % 16, depth=1 + seed % 2,
            epochs=1 + seed % 5, early_stopping=seed % 2 == 0, patience=seed % 3,
            learning_rate=1e30 if seed == 7 else 0.01, train=np.arange(seed % 3, 33),
            dropout=0.3 * (seed % 4 == 0), optimizer="adamw" if seed % 3 else "adam",
            ema_momentum=0.9 * (seed % 5 == 0),
        )
        for seed in range(20)
    ]  # fmt: skip


def test_members_of_a_cohort_pause_together(crowd, distance, compiler):
    whole = train(crowd, threads=2)
    parts, counts = in_parts(crowd, [1, 2, 4], lambda members: train(members, threads=2))
    assert counts[0] == 20
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0
    for mine, other in zip(parts, whole, strict=True):
        assert (mine.status, mine.cause) == (other.status, other.cause)
        assert (mine.epochs, mine.best_epoch) == (other.epochs, other.best_epoch)
        if mine.weights is not None:  # XLA's program of fewer slots rounds in its own way.
            assert distance(mine.weights, other.weights) <= 1e-5


def test_no_epoch_is_trained_twice(crowd):
    executor = LocalExecutor(2)
    parts, counts = in_parts(crowd, [1, 2, 4], lambda members: train_with(executor, members))
    census = executor.census()
    assert census.epochs == sum(outcome.epochs for outcome in parts)
    assert census.submitted == census.ended == census.progress == sum(counts)
    assert census.paused == sum(counts[1:])


def test_the_executor_of_the_calling_thread_pauses_too(member):
    one = member(epochs=5)
    (whole,) = train([one], threads=1)
    (parts,), counts = in_parts([one], [2], lambda found: train_with(InlineExecutor(), found))
    assert counts == [1, 1]
    assert_same_bits(parts, whole)


def test_a_paused_outcome_is_what_a_fit_of_these_epochs_gives(member, table):
    validation = table(20, seed=5)
    common = {"validation": validation, "early_stopping": True, "patience": 9}
    (paused,) = train([replace(member(epochs=9, **common), until=4)])
    (whole,) = train([member(epochs=4, **common)])
    assert (paused.status, whole.status) == ("paused", "finished")
    assert paused.snapshot is not None
    assert (paused.history, paused.best_epoch) == (whole.history, whole.best_epoch)
    for mine, other in zip(paused.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_schedules_go_by_the_planned_epochs(member):
    one = member(epochs=8, schedule="cosine")
    (short,) = train([member(epochs=2, schedule="cosine")])
    (paused,) = train([replace(one, until=2)])
    assert not np.array_equal(short.weights[0], paused.weights[0])


def test_a_snapshot_can_be_gone_on_from_twice(member):
    one = member(epochs=5, schedule="performance", plateau_patience=0, plateau_min_delta=0.5)
    (paused,) = train([replace(one, until=2)])
    further = [replace(one, resumed=paused.snapshot) for _ in range(2)]
    (first,), (second,) = train(further[:1]), train(further[1:])
    assert_same_bits(first, second)
    assert paused.epochs == len(paused.snapshot.history["loss"]) == 2


def test_a_pause_at_the_end_or_beyond_is_none(member):
    one = member(epochs=3)
    assert [train([replace(one, until=u)])[0].status for u in (3, 4, None)] == ["finished"] * 3


def test_what_a_callback_has_decided_is_kept(member):
    def run(pauses):
        rates = {1: 0.3, 3: 0.001}
        one = member(epochs=6, on_epoch=lambda epoch, logs, weights: Verdict(rate=rates.get(epoch)))
        return in_parts([one], pauses)[0][0]

    assert_same_bits(run([1, 2, 5]), run([]))


def test_a_callback_that_stops_at_the_pause_ends_the_member(member):
    one = member(epochs=6, on_epoch=lambda epoch, logs, weights: Verdict(stop=epoch == 1))
    (outcome,) = train([replace(one, until=2)])
    assert (outcome.status, outcome.epochs) == ("stopped_by_callback", 2)


class Files(LazyRows):
    """Rows that note from which epoch to which they are read."""

    digest = b"files"

    def __init__(self, x):
        self._x, self.shape, self.dtype, self.read = x, x.shape, x.dtype, []

    def __getitem__(self, rows):
        return self._x[rows]

    def reader(self, order, first, last):
        self.read.append((first, last))
        return _Reader(self._x, [order.epoch(number) for number in range(first, last)])


class _Reader:
    waited = 0.0

    def __init__(self, x, orders):
        self._x, self._rows, self._place = x, np.concatenate(orders), 0

    def take(self, out):
        out[:] = self._x[self._rows[self._place : self._place + len(out)]]
        self._place += len(out)

    def close(self):
        pass


def test_files_are_read_no_further_than_the_pause(member, table):
    rows = table(40)
    files = Files(rows.x)
    one = member(rows=Rows(files, rows.y), epochs=5)
    (whole,) = train([member(rows=rows, epochs=5)])
    (parts,), _ = in_parts([one], [2, 3])
    assert_same_bits(parts, whole)
    assert files.read == [(0, 2), (2, 3), (3, 5)]


def test_members_that_go_on_share_a_program_with_others_of_their_structure_only(member):
    plain, with_it = member(), member(dropout=0.2)
    paused, other = train([replace(plain, until=1), replace(with_it, until=1)])
    assert paused.snapshot.structure == other.snapshot.structure
    going = replace(plain, resumed=paused.snapshot)
    fresh, joined = plan.groups([going, plain]), plan.groups([going, plain, with_it])
    assert list(map(len, fresh.values())) == [1, 1]
    assert list(map(len, joined.values())) == [3]


def test_members_that_go_on_are_told_apart_by_their_content(member):
    one = member(epochs=5)
    (paused,), (later,) = train([replace(one, until=2)]), train([replace(one, until=3)])
    keys = [
        content_key(each, "here")
        for each in (
            one, replace(one, until=2), replace(one, resumed=paused.snapshot),
            replace(one, resumed=later.snapshot),
        )
    ]  # fmt: skip
    assert None not in keys
    assert len(set(keys)) == 4
    (again,) = train([replace(one, until=2)])
    assert digest_of(again.snapshot) == digest_of(paused.snapshot)


def test_a_store_keeps_what_has_ended_and_each_pause(member):
    store = MemoryStore()
    stops = {"early_stopping": True, "patience": 0, "min_delta": 9.0}
    members = [member(epochs=6), member(epochs=6, **stops)]

    def run(found):
        executor = StoringExecutor(InlineExecutor(), store)
        outcomes = train_with(executor, found)
        executor.join()
        return outcomes, executor.census()

    parts, _ = in_parts(members, [1, 4], lambda found: run(found)[0])
    assert [outcome.epochs for outcome in parts] == [6, 2]
    assert len(store) == 2 + 3
    whole, census = run(members)
    assert census.found == 2
    for mine, other in zip(parts, whole, strict=True):
        assert_same_bits(mine, other)
    paused, census = run([replace(one, until=2) for one in members])
    assert [outcome.status for outcome in paused] == ["paused", "stopped_early"]
    assert census.found == 1
    paused, census = run([replace(one, until=1) for one in members])
    assert [outcome.status for outcome in paused] == ["paused", "paused"]
    assert census.found == 2

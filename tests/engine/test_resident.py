"""Batches gathered on the device are those that the host gathers."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from kohort.engine.fit import Fit
from kohort.engine.member import Rows
from kohort.engine.plan import structure_of
from kohort.engine.population import Runner
from kohort.engine.programs import compilations

pytestmark = pytest.mark.parametrize("compiler", ["xla"], indirect=True)


def trained(members, slots, resident):
    fits = [Fit(member) for member in members]
    waiting, done = list(fits), []
    Runner(
        structure_of(members[0]), slots, jax.local_devices()[0],
        lambda: waiting.pop(0) if waiting else None, done.append, resident=resident,
    ).run()  # fmt: skip
    assert len(done) == len(members)
    return [fit.result for fit in fits]


@pytest.mark.parametrize("slots", [1, 3])
def test_members_of_several_tables_train_as_from_the_host(member, table, slots):
    tables = [table(count=37), table(count=52, weighted=True, seed=1)]
    members = [
        member(rows=tables[number % 2], seed=number, epochs=2 + number % 3, train=train)
        for number, train in enumerate([None, np.arange(5, 40), np.arange(30), None, np.arange(9)])
    ]
    pairs = zip(trained(members, slots, True), trained(members, slots, False), strict=True)
    for resident, hosted in pairs:
        assert resident.history == hosted.history
        for one, other in zip(resident.weights, hosted.weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_tables_of_similar_length_share_a_program(member, table):
    members = [member(rows=table(count=count)) for count in (37, 52, 61)]
    trained(members[:1], 1, True)
    with compilations() as log:
        trained(members, 1, True)
    assert log == []


def test_bytes_stay_bytes_on_the_device(member, table):
    rows = table(count=40)
    x = (np.abs(rows.x) * 50).astype(np.uint8)
    small = replace(member(), rows=Rows(x, rows.y), train=None)
    (resident,), (hosted,) = trained([small], 1, True), trained([small], 1, False)
    for one, other in zip(resident.weights, hosted.weights, strict=True):
        np.testing.assert_array_equal(one, other)

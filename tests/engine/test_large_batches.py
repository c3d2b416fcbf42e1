"""A batch size above the number of rows trains as the number of rows does, at no further cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.engine.executors.local import train
from kohort.engine.member import fitting_batch
from kohort.engine.plan import structure_of


@given(rows=st.integers(1, 10**6), batch=st.integers(1, 10**13))
def test_a_compiled_batch_holds_the_table_or_is_the_batch_size(rows, batch):
    found = fitting_batch(batch, rows)
    most = max(32, 9 * rows // 8)
    assert found == batch if batch <= max(32, rows) else rows <= found <= min(batch, most)
    assert fitting_batch(found, rows) == found


@pytest.mark.parametrize("batch", [40, 1000, 10**12])
def test_weights_are_those_of_one_batch_of_all_rows(batch, member, table):
    rows = table(37, weighted=True)
    fields = {"rows": rows, "validation": rows, "epochs": 4, "optimizer": "adam"}
    one, exact = member(**fields, batch_size=batch), member(**fields, batch_size=37)
    assert structure_of(one).batch_size <= 40
    large, small = train([one], 1)[0], train([exact], 1)[0]
    np.testing.assert_allclose(large.history["loss"], small.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(large.history["val_loss"], small.history["val_loss"], rtol=1e-5)
    for ours, theirs in zip(large.weights, small.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_tables_of_similar_length_share_a_program(member, table):
    rows = [table(count) for count in (353, 354)]
    first, second = (structure_of(member(rows=r, batch_size=10**6)) for r in rows)
    assert first == second

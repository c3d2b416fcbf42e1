import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kohort.report.page.packing import packed, thinned


@given(arrays(np.float32, st.integers(0, 50)))
def test_packed_values_come_back_to_the_bit(values):
    found = np.frombuffer(base64.b64decode(packed(values)), "<f4")
    np.testing.assert_array_equal(found.view(np.uint32), values.view(np.uint32))


@given(st.integers(1, 500), st.integers(2, 60), st.data())
def test_thinned_curves_keep_their_ends_and_their_best(count, most, data):
    kept = data.draw(st.integers(0, count - 1))
    found = thinned(count, most, kept)
    assert {0, kept, count - 1} <= set(found)
    assert len(found) <= max(most, 3)
    assert np.all(np.diff(found) > 0)
    if count <= most:
        assert found.tolist() == list(range(count))
    elif most > 3:  # And spread evenly.
        assert np.diff(found).max() <= -(-count // (most - 2))

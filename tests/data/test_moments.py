"""Moments of columns: constancy by their range, no digits lost to offsets, sizes or parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.data.moments import in_blocks, moments
from kohort.errors import DataError

OFFSETS = st.floats(-1e18, 1e18).filter(lambda value: value == 0 or abs(value) > 1e-18)


@given(rows=st.integers(1, 3000), value=OFFSETS, parts=st.integers(1, 5))
def test_equal_values_are_constant_and_their_mean_is_exact(rows, value, parts):
    table = np.full((rows, 1), value)
    weight = np.random.default_rng(rows).uniform(0.1, 9, rows)
    for given_weight in (None, weight):
        places = np.array_split(np.arange(rows), parts)
        found = moments(
            (table[p], None if given_weight is None else given_weight[p]) for p in places
        )
        assert found.constant.tolist() == [True]
        assert found.mean.tolist() == [value]
        assert found.deviation.tolist() == [0]


@given(
    rows=st.integers(2, 3000),
    offset=OFFSETS,
    decades=st.floats(-1, 1),
    kind=st.sampled_from([np.float64, np.float32]),
)
def test_a_column_with_another_value_is_not_constant(rows, offset, decades, kind):
    widest = 200 if kind is np.float64 else 30
    step = max(10.0 ** (widest * decades), 100 * abs(float(np.spacing(kind(offset)))))
    table = np.full((rows, 1), offset, kind)
    table[rows // 2] = offset + step
    found = moments(in_blocks(table, None))
    assert not found.constant[0]
    away = float(table[rows // 2, 0]) - float(table[0, 0])
    share = 1 / rows
    np.testing.assert_allclose(found.deviation, away * np.sqrt(share * (1 - share)), rtol=1e-9)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("value", [0.1, 1.0, -7.3e5, 1e30])
def test_values_that_differ_by_a_rounding_are_constant(kind, value):
    table = np.full((777, 1), value, kind)
    table[3] = np.nextafter(kind(value), kind(np.inf))
    assert moments(in_blocks(table, None)).constant.tolist() == [True]


@given(
    rows=st.integers(2, 400),
    exponent=st.integers(-250, 250),
    offset=st.floats(-1e6, 1e6),
    parts=st.integers(1, 7),
)
def test_moments_are_numpy_s_of_the_table_at_size_one(rows, exponent, offset, parts):
    generator = np.random.default_rng(rows)
    plain = generator.normal(size=(rows, 2))
    plain[0] += 1  # Not constant.
    weight = generator.integers(0, 3, rows).astype(float)
    weight[:2] = 1
    unit = 2.0 ** (exponent * 3)  # A power of two changes no digit.
    places = np.array_split(np.arange(rows), parts)
    found = moments((unit * (plain[p] + offset), weight[p]) for p in places)
    repeated = np.repeat(plain + offset, weight.astype(int), axis=0).astype(np.longdouble)
    mean, deviation = (f(axis=0).astype(float) for f in (repeated.mean, repeated.std))
    np.testing.assert_allclose(found.mean / unit, mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.deviation / unit, deviation, rtol=1e-9)
    assert (found.low / unit).tolist() == repeated.min(axis=0).astype(float).tolist()


def test_whole_numbers_and_flags_are_taken_by_value():
    table = np.array([[1, 2**53 - 1], [0, 2**53 - 61]])
    found = moments(in_blocks(table, None))
    assert found.constant.tolist() == [False, False]
    np.testing.assert_allclose(found.deviation, [0.5, 30])
    flags = np.array([[True, False], [True, True]])
    assert moments(in_blocks(flags, None)).constant.tolist() == [True, False]


def test_no_weight_at_all_is_an_error():
    with pytest.raises(DataError, match="zero for every row"):
        moments(in_blocks(np.ones((3, 1)), np.zeros(3)))

"""The piecewise linear encoding: ends of bins by quantiles, and how far a value has come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kohort.data.bins import NO_BINS, Bins

NUMBERS = st.integers(-20, 20).map(lambda number: number / 4)
TABLES = arrays(np.float64, st.tuples(st.integers(3, 40), st.integers(1, 3)), elements=NUMBERS)


@given(TABLES, st.integers(2, 9))
def test_the_ways_through_all_bins_add_up_to_the_number(values, count):
    bins = Bins.of_quantiles(values, None, count)
    ways = bins.of(values)
    assert ((ways >= 0) & (ways <= 1)).all()
    for column in range(values.shape[1]):
        own = bins.source == column
        if own.any():
            total = bins.low[own][0] + ways[:, own] @ (bins.high - bins.low)[own]
            np.testing.assert_allclose(total, values[:, column], atol=1e-12)


@given(TABLES, st.integers(2, 9), NUMBERS)
def test_a_way_is_a_linear_interpolation(values, count, shift):
    bins = Bins.of_quantiles(values, None, count)
    moved = values + 5 * shift  # Beyond the ends, too.
    expected = [
        np.interp(moved[:, source], [low, high], [0, 1])
        for source, low, high in zip(*bins.arrays, strict=True)
    ]
    np.testing.assert_allclose(bins.of(moved).T, np.reshape(expected, (-1, len(values))), atol=1e-9)


@given(TABLES, st.integers(2, 9), st.data())
def test_a_weight_counts_as_so_many_rows(values, count, data):
    weight = data.draw(arrays(np.int64, len(values), elements=st.integers(0, 4)))
    weight[0] += 1
    weighted = Bins.of_quantiles(values, weight.astype(float), count)
    repeated = Bins.of_quantiles(np.repeat(values, weight, axis=0), None, count)
    for one, other in zip(weighted.arrays, repeated.arrays, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("unit", [1.0, 0.1, 3.0, 1e-300])
@pytest.mark.parametrize("rows", [100, 300, 1000])
def test_equal_weights_are_none_whatever_their_unit(rows, unit):
    values = np.random.default_rng(rows).normal(size=(rows, 1))
    plain = Bins.of_quantiles(values, None, 10)
    weighted = Bins.of_quantiles(values, np.full(rows, unit), 10)
    np.testing.assert_array_equal(weighted.low, plain.low)
    np.testing.assert_array_equal(weighted.high, plain.high)


def test_bins_hold_about_equally_many_rows():
    values = np.random.default_rng(0).lognormal(size=(1000, 1))
    bins = Bins.of_quantiles(values, None, 10)
    held = [
        ((values > low) & (values <= high)).sum()
        for low, high in zip(bins.low, bins.high, strict=True)
    ]
    assert held == pytest.approx([100] * 10, abs=1)


def test_columns_of_two_numbers_have_no_bins():
    flags = np.array([[0.0, 5.0, 1.0], [1.0, 5.0, 2.0], [0.0, 5.0, 3.0], [1.0, 5.0, 4.0]])
    assert Bins.of_quantiles(flags, None, 4).source.tolist() == [2, 2, 2]
    assert len(Bins.of_quantiles(flags[:, :2], None, 4)) == 0


def test_no_bins_leave_a_table_as_it_is():
    values = np.ones((3, 2), np.float32)
    assert NO_BINS.added_to(values) is values


def test_ends_that_are_far_apart_overflow_nowhere():
    values = np.array([[-1e308], [0.0], [1e308]])
    ways = Bins.of_quantiles(values, None, 2).of(values)
    assert ways.tolist() == [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]

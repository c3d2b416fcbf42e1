"""Random bits inside the training program: uniform, reproducible, and nobody else's."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.sampling import depth

from kohort.networks.randomness import bits_of, mix, normal_of, normals, survivors

# Seeds and steps are fixed, so a passing p-value stays passing: no test here is a lottery.
_LEAST_P = 1e-4
_SEEDS = [0, 1, 12345, 2**32 - 1]


def _bits(seed=7, step=0, layer=0, rows=256, units=128):
    return np.asarray(bits_of(jnp.uint32(seed), jnp.int32(step), layer, rows, units))


def _kept(rate=0.5, seed=7, step=0, layer=0, rows=256, units=128):
    place = jnp.uint32(seed), jnp.int32(step), layer, rows, units
    return np.asarray(survivors(jnp.float32(rate), *place))


def _fraction(bits):
    return bits / 2.0**32


def _correlation(a, b):
    return float(np.corrcoef(_fraction(a).ravel(), _fraction(b).ravel())[0, 1])


@pytest.mark.parametrize("seed", _SEEDS)
@pytest.mark.parametrize("shift", [0, 8, 16, 24])
def test_every_byte_is_uniform(seed, shift):
    byte = (_bits(seed, rows=1024) >> shift) & 0xFF
    counts = np.bincount(byte.ravel(), minlength=256)
    assert stats.chisquare(counts).pvalue > _LEAST_P


@pytest.mark.parametrize("seed", _SEEDS)
def test_every_unit_and_every_row_is_uniform_over_steps(seed):
    blocks = np.stack([_bits(seed, step, rows=32, units=16) for step in range(128)]) >> 28
    for axes in ((0, 1), (0, 2)):
        kept = 3 - sum(axes)
        lines = np.moveaxis(blocks, kept, 0).reshape(blocks.shape[kept], -1)
        p_values = [stats.chisquare(np.bincount(line, minlength=16)).pvalue for line in lines]
        assert min(p_values) > _LEAST_P / len(p_values) * 10


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25, 0.5, 0.9])
def test_the_share_that_is_kept_is_one_minus_the_rate(rate):
    kept = np.stack([_kept(rate, step=step) for step in range(16)])
    deviation = np.sqrt(rate * (1 - rate) / kept.size)
    assert abs(kept.mean() - (1 - rate)) < 4 * deviation


def test_rate_zero_keeps_every_unit():
    assert _kept(0.0, rows=1024).all()


@pytest.mark.parametrize("rows", [1, 7, 32])
def test_both_halves_of_a_batch_are_dropped_independently_at_any_number_of_rows(rows):
    kept = np.stack([_kept(0.5, step=step, rows=rows) for step in range(64)])
    assert kept.shape == (64, rows, 128)
    if rows > 1:
        half = (rows + 1) // 2
        same = (kept[:, : rows - half] == kept[:, half:]).mean()
        assert abs(same - 0.5) < 4 * 0.5 / np.sqrt(kept[:, half:].size)


def test_survivors_do_not_depend_on_the_padded_width():
    np.testing.assert_array_equal(_kept(0.3, units=37), _kept(0.3, units=64)[:, :37])


def test_normal_numbers_are_standard_normal():
    place = jnp.uint32(3), jnp.int32(5), 1, 512, 64
    drawn = np.asarray(normals(*place)).ravel()
    assert np.isfinite(drawn).all()
    assert stats.kstest(drawn, "norm").pvalue > 0.01


@settings(max_examples=depth(30))
@given(
    seed=st.integers(0, 2**32 - 1),
    step=st.integers(0, 2**31 - 1),
    layer=st.integers(0, 10),
    rows=st.sampled_from([1, 5, 32]),
    units=st.sampled_from([1, 37, 64]),
)
def test_a_padded_block_begins_with_the_narrow_one(seed, step, layer, rows, units):
    wide = _bits(seed, step, layer, 64, 96)
    np.testing.assert_array_equal(_bits(seed, step, layer, rows, units), wide[:rows, :units])


@pytest.mark.parametrize(
    "other",
    [{"seed": 8}, {"step": 1}, {"layer": 1}, {"seed": 7 + 2**31}, {"step": 2**20}],
    ids=str,
)
def test_another_layer_step_or_seed_gives_unrelated_bits(other):
    a, b = _bits(), _bits(**other)
    assert (a == b).mean() < 1e-3
    assert abs(_correlation(a, b)) < 4 / np.sqrt(a.size)
    kept = [_kept(), _kept(**other)]
    assert abs((kept[0] == kept[1]).mean() - 0.5) < 4 * 0.5 / np.sqrt(a.size)


@pytest.mark.parametrize("lag", [1, 2, 3, 7, 16])
def test_neighbouring_rows_units_and_steps_are_uncorrelated(lag):
    block = np.stack([_bits(step=step, rows=64, units=64) for step in range(32)])
    for axis in range(3):
        ahead = np.take(block, range(lag, block.shape[axis]), axis)
        behind = np.take(block, range(block.shape[axis] - lag), axis)
        assert abs(_correlation(ahead, behind)) < 4 / np.sqrt(ahead.size)


@pytest.mark.rest
def test_the_masks_of_neighbouring_units_over_many_steps_are_independent():
    kept = np.stack([_bits(step=step, rows=1, units=32)[0] for step in range(2000)]) >> 31
    correlations = np.corrcoef(kept.T) - np.eye(32)
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)


def test_no_two_rows_of_a_block_repeat():
    block = _bits(rows=512, units=8)
    assert len(np.unique(block, axis=0)) == 512


def test_mixing_is_a_bijection_and_each_input_bit_flips_half_of_the_output():
    values = np.random.default_rng(0).integers(2**32, size=20_000, dtype=np.uint32)
    mixed = np.asarray(mix(jnp.asarray(values)))
    assert len(np.unique(mixed)) == len(np.unique(values))
    for bit in range(32):
        flipped = np.asarray(mix(jnp.asarray(values ^ np.uint32(1 << bit))))
        changed = np.bitwise_count(mixed ^ flipped).mean()
        assert 15 < changed < 17


def test_mixing_equals_the_published_finaliser():
    def finalise(h):
        h ^= h >> 16
        h = h * 0x85EBCA6B & 0xFFFFFFFF
        h ^= h >> 13
        h = h * 0xC2B2AE35 & 0xFFFFFFFF
        return h ^ h >> 16

    values = [0, 1, 2, 0xDEADBEEF, 2**32 - 1]
    mixed = np.asarray(mix(jnp.asarray(values, jnp.uint32))).tolist()
    assert mixed == [finalise(value) for value in values]


@pytest.mark.parametrize("bits", [0, 1, 2**9 - 1, 2**31 - 1, 2**31, 2**32 - 2**9, 2**32 - 1])
def test_no_bits_give_an_infinite_normal_and_all_give_their_quantile(bits):
    value = float(normal_of(jnp.asarray([bits], jnp.uint32))[0])
    expected = stats.norm.ppf((bits // 2**9 + 0.5) / 2**23)
    assert value == pytest.approx(expected, rel=1e-3, abs=1e-6)

"""The first invariant: a member's result does not depend on the company that it trains in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth

from kohort.engine.executors.local import train

pytestmark = pytest.mark.optimised

# Structures are few, so that examples share programs; numbers are free.
_STRUCTURES = [
    {"loss": "mse", "optimizers": ("adam", "adamw"), "depth": 2, "high": 16},
    {"loss": "mse", "optimizers": ("momentum", "nesterov"), "depth": 1, "high": 32},
    {"loss": "binary_crossentropy", "optimizers": ("sgd",), "depth": 2, "high": 16},
    {"loss": "mae", "optimizers": ("adam",), "depth": 0, "high": 16},
]
_PLAIN = {"dropout": 0.0, "l2": 0.0, "weight_decay": 0.0}
_DIVERGING_RATE = {"float32": 1e30, "float64": 1e200}


@st.composite
def _specs(draw, structure, dtype):
    """One member as a dict of plain values."""
    low = 1 if structure["high"] == 16 else 17
    techniques = {
        "dropout": draw(st.sampled_from([0.0, 0.1, 0.5])),
        "l2": draw(st.sampled_from([1e-4, 1e-2])),
        "weight_decay": draw(st.sampled_from([0.0, 0.004, 0.1])),
    }
    can_diverge = structure["loss"] == "mse"
    diverges = can_diverge and draw(st.integers(0, 5)) == 0
    rate = draw(st.floats(1e-4, 1e-2))
    return {
        "fields": {
            "loss": structure["loss"],
            "optimizer": draw(st.sampled_from(structure["optimizers"])),
            "depth": structure["depth"],
            "width": [draw(st.integers(low, structure["high"])) for _ in range(structure["depth"])],
            "learning_rate": _DIVERGING_RATE[dtype] if diverges else rate,
            "momentum": draw(st.sampled_from([0.0, 0.5, 0.9])),
            "epochs": draw(st.integers(1, 4)),
            "early_stopping": draw(st.booleans()),
            "patience": draw(st.integers(0, 2)),
            "min_delta": draw(st.sampled_from([0.0, 0.05])),
            **(techniques if draw(st.booleans()) else _PLAIN),
        },
        "seed": draw(st.integers(0, 2**31 - 1)),
        "fold": draw(st.none() | st.lists(st.integers(0, 39), min_size=1, max_size=30)),
        "weighted": draw(st.booleans()),
        "validated": draw(st.booleans()),
        "diverges": diverges,
    }


@st.composite
def _cohorts(draw, dtype):
    structures = draw(st.lists(st.sampled_from(_STRUCTURES), min_size=1, max_size=2))
    chosen = st.sampled_from(structures)
    return draw(st.lists(chosen.flatmap(lambda s: _specs(s, dtype)), min_size=2, max_size=9))


@pytest.fixture(scope="module")
def assert_solo_equals_cohort(member, table, distance):
    def build(specs, dtype):
        tables = {}

        def shared(count, loss, weighted, seed):
            key = (count, loss, weighted, seed)
            return tables.setdefault(key, table(count, loss, weighted, dtype, seed))

        return [
            member(
                rows=shared(40, spec["fields"]["loss"], spec["weighted"], 1),
                train=None if spec["fold"] is None else np.array(spec["fold"]),
                validation=shared(11, spec["fields"]["loss"], spec["weighted"], 2)
                if spec["validated"]
                else None,
                seed=spec["seed"],
                **spec["fields"],
            )
            for spec in specs
        ]

    def check(specs, dtype, tolerance):
        members = build(specs, dtype)
        together = train(members, threads=2)
        for spec, one, outcome in zip(specs, members, together, strict=True):
            (alone,) = train([one], threads=1)
            assert outcome.status == alone.status
            assert outcome.cause == alone.cause
            assert (outcome.epochs, outcome.best_epoch) == (alone.epochs, alone.best_epoch)
            assert outcome.history.keys() == alone.history.keys()
            for name, values in alone.history.items():
                np.testing.assert_allclose(outcome.history[name], values, rtol=tolerance * 10)
            assert (outcome.weights is None) == (alone.weights is None)
            if not spec["diverges"]:
                assert outcome.status != "diverged"
            if alone.weights is not None:
                step = min(spec["fields"]["learning_rate"], 1e-2)
                assert distance(outcome.weights, alone.weights, step) <= tolerance

    return check


@settings(max_examples=depth(20))
@given(specs=_cohorts("float32"))
def test_every_member_of_a_cohort_equals_its_solo_fit(assert_solo_equals_cohort, specs):
    assert_solo_equals_cohort(specs, "float32", 1e-5)


@settings(max_examples=depth(15))
@given(specs=_cohorts("float64"))
def test_every_member_equals_its_solo_fit_to_rounding_in_double_precision(
    assert_solo_equals_cohort, double_precision, specs
):
    with double_precision():
        assert_solo_equals_cohort(specs, "float64", 1e-10)


def test_more_members_than_slots_refill_without_changing_results(member, table, distance):
    validation = table(20, seed=5)
    members = [
        member(
            seed=seed,
            width=1 + seed % 16,
            epochs=1 + seed % 5,
            learning_rate=0.01 * (1 + seed % 3),
            early_stopping=seed % 2 == 0,
            validation=validation,
            train=np.arange(seed % 7, 37),
        )
        for seed in range(40)
    ]
    together = train(members, threads=2)
    for one, outcome in zip(members, together, strict=True):
        (alone,) = train([one], threads=1)
        assert (outcome.status, outcome.best_epoch) == (alone.status, alone.best_epoch)
        assert distance(outcome.weights, alone.weights) <= 1e-5


def test_an_epoch_longer_than_a_chunk_equals_its_solo_fit_among_shorter_ones(
    member, table, distance
):
    rows = table(150)
    members = [member(rows=rows, batch_size=2, train=np.arange(size)) for size in (150, 131, 7, 1)]
    together = train(members, threads=1)
    for one, outcome in zip(members, together, strict=True):
        (alone,) = train([one], threads=1)
        assert distance(outcome.weights, alone.weights) <= 1e-5


def test_the_same_fit_twice_gives_the_same_bits(member):
    first, second = (train([member(seed=3, dropout=0.3)], threads=1)[0] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first.weights, second.weights, strict=True))
    assert first.history == second.history


def test_another_seed_gives_another_fit(member):
    (first,), (second,) = (train([member(seed=seed)], threads=1) for seed in (3, 4))
    assert not np.array_equal(first.weights[0], second.weights[0])


def test_outcomes_come_in_the_order_of_the_members(member):
    widths = [5, 30, 2, 60, 9]
    outcomes = train([member(width=width) for width in widths], threads=2)
    assert [outcome.weights[0].shape[1] for outcome in outcomes] == widths


def test_training_does_not_write_to_the_rows(member, table):
    rows = table(20, weighted=True)
    copies = [array.copy() for array in (rows.x, rows.y, rows.weight)]
    train([member(rows=rows, validation=rows), member(rows=rows, seed=1)], threads=1)
    for copy, array in zip(copies, (rows.x, rows.y, rows.weight), strict=True):
        np.testing.assert_array_equal(copy, array)

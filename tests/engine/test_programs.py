"""Numbers are data, structure is program: what compiles, and what does not."""

import jax
import numpy as np
import pytest

from kohort.engine.executors import train
from kohort.engine.programs import compilations, exists, program

_XLA_EVENT = "/jax/core/compile/backend_compile_duration"
_ON = {"l2": 0.01, "dropout": 0.2, "weight_decay": 0.01}

_NUMBERS = {
    "learning_rate": {"learning_rate": 0.5},
    "momentum": {"momentum": 0.1},
    "nesterov": {"optimizer": "nesterov"},
    "l2": {"l2": 0.3},
    "l2 off": {"l2": 0.0},
    "dropout": {"dropout": 0.7},
    "weight_decay": {"weight_decay": 0.2},
    "seed": {"seed": 1000},
    "width within a step": {"width": 50},
    "initializer": {"kernel_initializer": "lecun_uniform"},
    "epochs": {"epochs": 7},
    "patience": {"early_stopping": True, "patience": 1},
}
_STRUCTURES = {
    "padded width": {"width": 1000},
    "depth": {"depth": 2},
    "activation": {"activation": "elu"},
    "batch size": {"batch_size": 9},
    "loss": {"loss": "mae"},
    "optimizer family": {"optimizer": "adam"},
}


@pytest.fixture(scope="module")
def xla_compilations():
    """Every compilation that XLA reports in this process, kohort's own count aside."""
    seen = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **details: seen.append(event) if event == _XLA_EVENT else None
    )
    return seen


@pytest.fixture(scope="module")
def cohort(member, table):
    """Makes four members that differ in seed, with every technique on unless told otherwise."""

    def make(rows=37, validation=20, seed=0, **fields):
        fields = {"optimizer": "momentum", "width": 40, **_ON, **fields}
        loss = fields.get("loss", "mse")
        train_on, validate_on = table(rows, loss), table(validation, loss)
        return [
            member(rows=train_on, validation=validate_on, seed=seed + i, **fields) for i in range(4)
        ]

    return make


@pytest.mark.parametrize("change", _NUMBERS)
def test_a_changed_number_compiles_nothing(change, cohort, xla_compilations):
    # One member keeps every technique on, so that the group's program holds them all.
    train(cohort(), threads=1)
    changed = [*cohort()[:1], *cohort(**_NUMBERS[change])[1:]]
    before = len(xla_compilations)
    with compilations() as log:
        train(changed, threads=1)
    assert log == []
    assert len(xla_compilations) == before


def test_other_rows_and_counts_of_rows_compile_nothing(cohort, xla_compilations):
    train(cohort(), threads=1)
    before = len(xla_compilations)
    with compilations() as log:
        train(cohort(rows=501, validation=64), threads=1)
        train(cohort(rows=3, validation=1), threads=1)
    assert log == []
    assert len(xla_compilations) == before


def test_fewer_members_than_a_programs_slots_compile_nothing(cohort):
    members = cohort(batch_size=11)  # A structure that no other test has left programs of.
    train(members, threads=1)
    with compilations() as log:
        train(members[:1], threads=1)
        train(members[:3], threads=1)
    assert log == []


@pytest.mark.parametrize("change", _STRUCTURES)
def test_a_changed_structure_compiles_one_training_and_one_evaluation(change, cohort):
    train(cohort(), threads=1)
    with compilations() as log:
        train(cohort(**_STRUCTURES[change]), threads=1)
    assert sorted(entry.kind for entry in log) == ["evaluate", "train"]
    assert all(entry.seconds > 0 for entry in log)


def test_a_mixed_cohort_compiles_one_program_for_each_structure(member):
    fields = {"batch_size": 13}
    members = [
        member(width=width, seed=seed, **fields)
        for seed in range(3)
        for width in (3, 16, 900, 1000)
    ]
    with compilations() as log:
        train(members, threads=1)
    assert [entry.kind for entry in log] == ["train", "train"]


def test_a_program_is_built_once_and_then_found():
    built = []

    def build():
        built.append(1)
        return lambda x: x + 1

    key = ("test_a_program_is_built_once_and_then_found",)
    assert not exists(key)
    arguments = (np.float32(1),)
    with compilations() as log:
        first = program(key, "predict", build, arguments)
        second = program(key, "predict", build, arguments)
    assert exists(key)
    assert first is second
    assert built == [1]
    assert [entry.kind for entry in log] == ["predict"]
    assert float(first(*arguments)) == 2.0


def test_a_compilation_is_seen_by_every_open_watch_and_by_no_closed_one():
    def compile_something(name):
        program((name,), "predict", lambda: lambda x: -x, (np.float32(1),))

    with compilations() as outer:
        with compilations() as inner:
            compile_something("seen by both")
        compile_something("seen by the outer one")
    compile_something("seen by neither")
    assert (len(outer), len(inner)) == (2, 1)

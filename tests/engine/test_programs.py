"""Numbers are data, structure is program: what compiles, and what does not."""

import jax
import numpy as np
import pytest

from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.executors.local import train
from kohort.engine.programs import compilations
from kohort.recipe.hyperparameter import STRUCTURE
from kohort.recipe.hyperparameters import PARAMETERS

pytestmark = pytest.mark.parametrize("compiler", ["xla"], indirect=True)

_XLA_EVENT = "/jax/core/compile/backend_compile_duration"
_ON = {"l2": 0.01, "dropout": 0.2, "weight_decay": 0.01}

# Every parameter that the table calls an array: what all members share, what some change.
_PIECES = {"schedule": "piecewise", "boundaries": [1], "factors": [1, 0.5]}
_NUMBERS = {
    "width": ({}, {"width": 50}),
    "activation_alpha": ({"activation": "leaky_relu"}, {"activation_alpha": 0.3}),
    "batch_norm_momentum": ({"batch_norm": "before"}, {"batch_norm_momentum": 0.5}),
    "norm_epsilon": ({"layer_norm": "before"}, {"norm_epsilon": 0.1}),
    "kernel_initializer": ({}, {"kernel_initializer": "lecun_uniform"}),
    "output_initializer": ({}, {"output_initializer": "lecun_uniform"}),
    "output_bias": ({}, {"output_bias": "zeros"}),
    "kernel_scale": ({"kernel_initializer": "random_normal"}, {"kernel_scale": 0.2}),
    "huber_delta": ({"loss": "huber"}, {"huber_delta": 0.1}),
    "quantile": ({"loss": "quantile"}, {"quantile": 0.9}),
    "label_smoothing": (
        {"loss": "binary_crossentropy", "label_smoothing": 0.1}, {"label_smoothing": 0.0},
    ),
    "focal_gamma": ({"loss": "binary_focal_crossentropy"}, {"focal_gamma": 0.5}),
    "learning_rate": ({}, {"learning_rate": 0.5}),
    "momentum": ({}, {"momentum": 0.1}),
    "beta_1": ({"optimizer": "adam"}, {"beta_1": 0.5}),
    "beta_2": ({"optimizer": "adam"}, {"beta_2": 0.9}),
    "rho": ({"optimizer": "rmsprop"}, {"rho": 0.5}),
    "epsilon": ({"optimizer": "adam"}, {"epsilon": 1e-3}),
    "amsgrad": ({"optimizer": "adam", "amsgrad": True}, {"amsgrad": False}),
    "centered": ({"optimizer": "rmsprop", "centered": True}, {"centered": False}),
    "weight_decay": ({}, {"weight_decay": 0.0}),
    "ema_momentum": ({"ema_momentum": 0.9}, {"ema_momentum": None}),
    "clipvalue": ({"clipvalue": 0.5}, {"clipvalue": None}),
    "clipnorm": ({"clipnorm": 0.5}, {"clipnorm": 2.0}),
    "global_clipnorm": ({"global_clipnorm": 0.5}, {"global_clipnorm": None}),
    "schedule": ({}, {"schedule": "cosine"}),
    "decay_epochs": ({"schedule": "exponential"}, {"decay_epochs": 3}),
    "decay_rate": ({"schedule": "exponential"}, {"decay_rate": 0.5}),
    "decay_power": ({"schedule": "power"}, {"decay_power": 2.0}),
    "staircase": ({"schedule": "power"}, {"staircase": True}),
    "boundaries": (_PIECES, {"boundaries": [2]}),
    "factors": (_PIECES, {"factors": [1, 2]}),
    "t_mul": ({"schedule": "cosine_restarts"}, {"t_mul": 1.0}),
    "m_mul": ({"schedule": "cosine_restarts"}, {"m_mul": 0.5}),
    "final_rate": ({"schedule": "cosine"}, {"final_rate": 0.5}),
    "pct_start": ({"schedule": "1cycle"}, {"pct_start": 0.5}),
    "div_factor": ({"schedule": "1cycle"}, {"div_factor": 5.0}),
    "final_div_factor": ({"schedule": "1cycle"}, {"final_div_factor": 5.0}),
    "base_momentum": ({"schedule": "1cycle"}, {"base_momentum": 0.5}),
    "max_momentum": ({"schedule": "1cycle"}, {"max_momentum": 0.9}),
    "anneal": ({"schedule": "1cycle"}, {"anneal": "linear"}),
    "warmup": ({}, {"warmup": 1}),
    "warmup_start": ({"warmup": 1}, {"warmup_start": 0.5}),
    "dropout": ({}, {"dropout": 0.0}),
    "input_dropout": ({"input_dropout": 0.1}, {"input_dropout": 0.0}),
    "alpha_dropout": ({"alpha_dropout": 0.1, "dropout": 0.0}, {"alpha_dropout": 0.0}),
    "gaussian_noise": ({"gaussian_noise": 0.1}, {"gaussian_noise": 0.0}),
    "l1": ({"l1": 0.01}, {"l1": 0.0}),
    "l2": ({}, {"l2": 0.0}),
    "max_norm": ({"max_norm": 1.0}, {"max_norm": None}),
    "freeze_epochs": ({"freeze_epochs": 1}, {"freeze_epochs": 0}),
    "plateau_patience": ({"schedule": "performance"}, {"plateau_patience": 0}),
    "plateau_min_delta": ({"schedule": "performance"}, {"plateau_min_delta": 1.0}),
    "plateau_cooldown": ({"schedule": "performance"}, {"plateau_cooldown": 2}),
    "epochs": ({}, {"epochs": 7}),
    "early_stopping": ({}, {"early_stopping": True}),
    "patience": ({"early_stopping": True}, {"patience": 1}),
    "min_delta": ({"early_stopping": True}, {"min_delta": 1.0}),
}  # fmt: skip
_STRUCTURES = {
    "width": {"width": 1000},
    "depth": {"depth": 2},
    "activation": {"activation": "elu"},
    "batch_norm": {"batch_norm": "after"},
    "layer_norm": {"layer_norm": "after"},
    "batch_size": {"batch_size": 9},
    "optimizer": {"optimizer": "adam"},
    "loss": {"loss": "mae"},
}


def test_the_tables_hold_every_parameter_of_a_recipe():
    kinds = {parameter.name: parameter.kind for parameter in PARAMETERS}
    assert {name for name, kind in kinds.items() if kind != STRUCTURE} == set(_NUMBERS)
    structures = {name for name, kind in kinds.items() if kind == STRUCTURE}
    assert structures | {"width", "loss"} == set(_STRUCTURES)


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
    shared, changed = _NUMBERS[change]
    train(cohort(**shared), threads=1)
    # One member keeps every technique on, so that the group's program holds them all.
    mixed = [*cohort(**shared)[:1], *cohort(**shared | changed, seed=1000)[1:]]
    before = len(xla_compilations)
    with compilations() as log:
        train(mixed, threads=1)
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
        train(cohort(**{"batch_size": 10} | _STRUCTURES[change]), threads=1)
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
    compiler = XlaCompiler()
    arguments = (np.float32(1),)
    with compilations() as log:
        first = compiler.program(key, "predict", build, arguments)
        second = compiler.program(key, "predict", build, arguments)
    assert first is second
    assert built == [1]
    assert [entry.kind for entry in log] == ["predict"]
    assert float(first(*arguments)) == 2.0


def test_a_compilation_is_seen_by_every_open_watch_and_by_no_closed_one():
    def compile_something(name):
        XlaCompiler().program((name,), "predict", lambda: lambda x: -x, (np.float32(1),))

    with compilations() as outer:
        with compilations() as inner:
            compile_something("seen by both")
        compile_something("seen by the outer one")
    compile_something("seen by neither")
    assert (len(outer), len(inner)) == (2, 1)


def test_programs_that_were_not_used_for_longest_are_let_go():
    compiler = XlaCompiler(most=3)

    def built(key):
        shape = jax.ShapeDtypeStruct((2,), "f4")
        return compiler.program(key, "test", lambda: lambda x: x + 1, (shape,))

    first = built("a")
    for key in ("b", "c"):
        built(key)
    assert built("a") is first
    built("d")
    with compilations() as log:
        for key in "acdb":
            built(key)
    assert len(log) == 1

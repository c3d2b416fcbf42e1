"""A recipe refuses what it cannot train, and names the parameter, the value and the requirement."""

import contextlib
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.errors import KohortError, ParameterError
from kohort.recipe.constraints import check
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.recipe import CONSTRAINTS, DEFAULTS, NUMBERS, Recipe
from kohort.recipe.schedules import rates

_NOT_NUMBERS = ["1", None, [1], True, math.nan, 1j]
_NOT_WHOLE = ["1", None, [1], True, math.nan, 1.5, 2.0]
_NOT_NAMES = ["nonsense", "", None, 1, ["relu"], b"relu"]
_REFUSED = {
    "depth": [-1, *_NOT_WHOLE],
    "width": [0, -1, [0, 8], [8, 1.5], ["8", 8], [8, True], "8", None, 1.5, True, {8, 9}],
    "activation": _NOT_NAMES,
    "kernel_initializer": _NOT_NAMES,
    "output_initializer": _NOT_NAMES,
    "output_bias": _NOT_NAMES,
    "loss": _NOT_NAMES,
    "optimizer": _NOT_NAMES,
    "learning_rate": [0, -1e-3, math.inf, *_NOT_NUMBERS],
    "momentum": [-0.1, 1, 1.2, math.inf, *(bad for bad in _NOT_NUMBERS if bad is not None)],
    "weight_decay": [-0.1, math.inf, *(bad for bad in _NOT_NUMBERS if bad is not None)],
    "dropout": [-0.1, 1, 1.5, math.inf, *_NOT_NUMBERS],
    "l2": [-1e-9, math.inf, *_NOT_NUMBERS],
    "batch_size": [0, -4, *_NOT_WHOLE],
    "epochs": [0, -1, *_NOT_WHOLE],
    "early_stopping": [0, 1, "True", None, [True]],
    "patience": [-1, *_NOT_WHOLE],
    "min_delta": [-0.1, math.inf, *_NOT_NUMBERS],
}
_ACCEPTED = {
    "depth": [0, 1, np.int64(3)],
    "width": [1, np.int32(5), [8, 9], (8, 9), np.array([8, 9])],
    "activation": ["relu", "tanh"],
    "kernel_initializer": ["auto", "zeros", "he_normal"],
    "output_initializer": ["auto", "zeros", "he_normal"],
    "output_bias": ["prior", "zeros"],
    "loss": ["mse", "mean_squared_error", "logcosh"],
    "optimizer": list(OPTIMIZERS),
    "learning_rate": [1e-12, 1, 1e9, np.float32(0.1), Fraction(1, 3)],
    "momentum": [0, 0.999, np.float64(0.5)],
    "weight_decay": [None, 0, 0.5, 3],
    "dropout": [0, 0.999, np.float16(0.5)],
    "l2": [0, 7, 1e-9],
    "batch_size": [1, 10**6],
    "epochs": [1, np.int16(100)],
    "early_stopping": [True, False, np.True_],
    "patience": [0, 5],
    "min_delta": [0, 0.5],
}


_SHARES = "batch_norm_momentum dropout input_dropout alpha_dropout base_momentum max_momentum"
_OPTIONAL_SHARES = "beta_1 beta_2 rho ema_momentum"
_AT_LEAST_0 = "focal_gamma gaussian_noise l1 plateau_min_delta warmup"
_ABOVE_0 = "norm_epsilon kernel_scale huber_delta decay_power m_mul"
_LIMITS = "clipvalue clipnorm global_clipnorm max_norm decay_epochs"
_AT_LEAST_1 = "t_mul div_factor final_div_factor"
_WHOLE_SHARES = "label_smoothing final_rate warmup_start"
for _names, _bad, _good in (
    (_SHARES, [-0.1, 1, *_NOT_NUMBERS], [0.5]),
    (_OPTIONAL_SHARES, [-0.1, 1, "1", True, math.nan], [0, 0.5, None]),
    (_AT_LEAST_0, [-0.1, math.inf, *_NOT_NUMBERS], [0, 2.5]),
    (_ABOVE_0, [0, -1, math.inf, *_NOT_NUMBERS], [0.5, 3]),
    (_LIMITS, [0, -1, math.inf, "1", True, math.nan], [None, 0.5, 3]),
    (_AT_LEAST_1, [0.9, math.inf, *_NOT_NUMBERS], [1, 2.5]),
    (_WHOLE_SHARES, [-0.1, 1.1, *_NOT_NUMBERS], [0, 0.5, 1]),
    ("quantile pct_start", [0, 1, *_NOT_NUMBERS], [0.5]),
    ("decay_rate", [0, 1.1, *_NOT_NUMBERS], [0.5, 1]),
    ("epsilon", [-1e-9, math.inf, "1", True], [None, 0, 1e-5]),
    ("activation_alpha", [math.inf, math.nan, "1", True], [None, -1, 0.3]),
    ("plateau_patience plateau_cooldown freeze_epochs", [-1, *_NOT_WHOLE], [0, 5]),
    ("batch_norm layer_norm", ["nonsense", "", 1, True], [None, "before", "after"]),
    ("amsgrad centered staircase", [0, 1, "True", None], [False]),
    ("schedule", _NOT_NAMES, ["cosine", "1cycle"]),
    ("anneal", _NOT_NAMES, ["cos", "linear"]),
    ("boundaries", [3, [0], ["1"]], [None]),
    ("factors", [3, [-1], ["1"]], [None]),
):
    for _name in _names.split():
        _REFUSED.setdefault(_name, _bad)
        _ACCEPTED.setdefault(_name, _good)


def _recipe(**fields):
    return Recipe.of(**{**DEFAULTS, "loss": "mse", **fields})


def _cases(table):
    return [
        pytest.param(name, value, id=f"{name}={value!r}")
        for name, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize("table", [_REFUSED, _ACCEPTED], ids=["refused", "accepted"])
def test_the_tables_here_cover_every_field(table):
    assert table.keys() == CONSTRAINTS.keys()


@pytest.mark.parametrize(("name", "value"), _cases(_REFUSED))
def test_a_wrong_value_is_refused_with_its_name_and_itself(name, value):
    with pytest.raises(ParameterError) as caught:
        _recipe(**{name: value})
    message = str(caught.value)
    assert f"`{name}` must be " in message
    assert f"got {value!r}" in message
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, KohortError)


@pytest.mark.parametrize(("name", "value"), _cases(_ACCEPTED))
def test_a_right_value_is_accepted(name, value):
    _recipe(**{name: value})


@given(
    name=st.sampled_from(["depth", "batch_size", "epochs", "patience"]),
    value=st.integers(max_value=-1),
)
def test_no_negative_count_passes(name, value):
    with pytest.raises(ParameterError):
        _recipe(**{name: value})


@pytest.mark.parametrize("name", ["batch_size", "learning_rate", "l2", "width"])
def test_a_number_too_large_for_a_float_is_no_other_kind_of_error(name):
    with contextlib.suppress(ParameterError):
        _recipe(**{name: 10**400})


def test_widths_must_be_as_many_as_the_depth_and_both_numbers_are_shown():
    with pytest.raises(ParameterError, match=r"depth=3.*got \[8, 9\].*depth=2.*3 widths"):
        _recipe(depth=3, width=[8, 9])


def test_a_field_that_does_not_exist_is_a_parameter_error():
    with pytest.raises(ParameterError, match="widht"):
        _recipe(widht=3)


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(ParameterError) as caught:
        _recipe(width=[0] * 1000)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("depth", "width", "units"),
    [(0, 8, ()), (3, 8, (8, 8, 8)), (2, [5, 6], (5, 6)), (1, np.array([7]), (7,)), (0, [], ())],
)
def test_depth_and_width_become_units(depth, width, units):
    assert _recipe(depth=depth, width=width).units == units


@pytest.mark.parametrize("alias", ["mean_squared_error", "mean_absolute_error", "logcosh"])
def test_aliases_resolve_to_one_name(alias):
    short = {"mean_squared_error": "mse", "mean_absolute_error": "mae", "logcosh": "log_cosh"}
    assert _recipe(loss=alias) == _recipe(loss=short[alias])


@pytest.mark.parametrize(
    ("optimizer", "given_decay", "expected"),
    [("adam", None, 0.0), ("adamw", None, 0.004), ("adamw", 0.0, 0.0), ("sgd", 0.3, 0.3)],
)
def test_weight_decay_defaults_to_kerass(optimizer, given_decay, expected):
    assert _recipe(optimizer=optimizer, weight_decay=given_decay).weight_decay == expected


def test_equal_recipes_are_equal_and_hash_alike():
    assert hash(_recipe(width=[8, 8])) == hash(_recipe(width=8))
    assert _recipe(width=[8, 8]) == _recipe(width=8)


@pytest.mark.parametrize(
    ("fields", "uses"),
    [
        ({}, []),
        ({"dropout": 0.1}, ["dropout"]),
        ({"dropout": 0.1, "depth": 0}, []),
        ({"l2": 1e-9}, ["l2"]),
        ({"optimizer": "adamw"}, ["weight_decay"]),
        ({"dropout": 0.5, "l2": 1, "weight_decay": 1}, ["dropout", "l2", "weight_decay"]),
    ],
    ids=lambda value: str(sorted(value)),
)
def test_techniques_that_are_on_are_named(fields, uses):
    assert _recipe(**fields).uses == set(uses)


def test_the_number_row_holds_the_recipes_numbers_and_kerass_constants():
    recipe = _recipe(optimizer="nesterov", momentum=0.7, weight_decay=0.2, dropout=0.3, l2=0.4)
    row = dict(zip(NUMBERS, recipe.numbers(), strict=True))
    expected = {"nesterov": 1.0, "weight_decay": 0.2, "dropout": 0.3, "l2": 0.4, "averaged": 0.0}
    expected |= {"clipnorm": math.inf, "max_norm": math.inf, "huber_delta": 1.0}
    assert {name: row[name] for name in expected} == expected
    adam = dict(zip(NUMBERS, _recipe().numbers(), strict=True))
    assert (adam["beta_2"], adam["gain_2"], adam["epsilon"]) == (0.999, 1 - 0.999, 1e-7)


def test_sgd_with_a_momentum_is_kerass_sgd_with_it():
    assert _recipe(optimizer="sgd", momentum=0.7) == _recipe(optimizer="momentum", momentum=0.7)
    assert _recipe(optimizer="sgd", momentum=0.0).optimizer == "sgd"
    exported = OPTIMIZERS["momentum"].to_keras(_recipe(optimizer="sgd", momentum=0.7))
    assert exported.get_config()["momentum"] == pytest.approx(0.7)


def test_the_rate_is_constant_over_the_steps():
    steps = np.arange(100, 140)
    np.testing.assert_array_equal(rates(_recipe(learning_rate=0.3), steps, 7), np.full(40, 0.3))


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_is_one_of_the_values_that_are_allowed(name):
    """A recipe checks what was given, not what it adds itself."""
    check(name, DEFAULTS[name], CONSTRAINTS[name])

"""Every technique, alone and in random combinations, gives a member its solo result in a cohort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth

from kohort.engine.executors.local import train
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.schedules import SCHEDULES

# Each: the settings of one member; its neighbours have the technique off, or other numbers.
_NUMBERS = {
    "dropout": {"dropout": 0.4},
    "input_dropout": {"input_dropout": 0.3},
    "alpha_dropout": {"alpha_dropout": 0.2},
    "gaussian_noise": {"gaussian_noise": 0.2},
    "l1": {"l1": 0.01},
    "l2": {"l2": 0.02},
    "max_norm": {"max_norm": 0.7},
    "weight_decay": {"weight_decay": 0.1},
    "ema_momentum": {"ema_momentum": 0.8},
    "freeze_epochs": {"freeze_epochs": 1},
    "warmup": {"warmup": 0.4, "warmup_start": 0.1},
    "kernel_initializer": {"kernel_initializer": "orthogonal"},
}
_CLIPPING = {
    "clipvalue": {"clipvalue": 0.02},
    "clipnorm": {"clipnorm": 0.1},
    "global_clipnorm": {"global_clipnorm": 0.2},
}
_SCHEDULED = {
    name: {"schedule": name, "plateau_patience": 0, "plateau_min_delta": 0.5}
    | ({"boundaries": [1, 2]} if name == "piecewise" else {})
    for name in SCHEDULES
}
_STRUCTURES = {
    "batch norm before": {"batch_norm": "before", "batch_norm_momentum": 0.8},
    "batch norm after": {"batch_norm": "after", "norm_epsilon": 0.01},
    "layer norm before": {"layer_norm": "before"},
    "layer norm after": {"layer_norm": "after"},
    "prelu": {"activation": "prelu"},
    "leaky_relu": {"activation": "leaky_relu", "activation_alpha": 0.1},
    "swish": {"activation": "swish", "activation_alpha": 1.7},
    "huber": {"loss": "huber", "huber_delta": 0.3},
    "quantile": {"loss": "quantile", "quantile": 0.8},
    "poisson": {"loss": "poisson"},
    "log_cosh": {"loss": "log_cosh"},
    "label smoothing": {"loss": "sparse_categorical_crossentropy", "label_smoothing": 0.2},
    "focal": {"loss": "binary_focal_crossentropy", "focal_gamma": 1.5},
}
_OPTIMIZED = {name: {"optimizer": name} for name in OPTIMIZERS} | {
    "amsgrad": {"optimizer": "adam", "amsgrad": True},
    "centered with momentum": {"optimizer": "rmsprop", "centered": True, "momentum": 0.6},
}
_ALONE = _NUMBERS | _CLIPPING | _SCHEDULED | _STRUCTURES | _OPTIMIZED
_FIXED = ("loss", "activation", "batch_norm", "layer_norm", "optimizer")
_BASE = {"depth": 2, "width": [11, 5], "epochs": 4, "optimizer": "sgd", "learning_rate": 0.01}


@pytest.fixture(scope="module")
def assert_company_changes_nothing(member, table, distance, double_precision):
    """Trains members with the fields among plain ones, and each alone, in double precision."""

    def check(fields, count=3):
        fields = _BASE | fields
        loss = fields.get("loss", "mse")
        shared = {name: fields[name] for name in _FIXED if name in fields}
        with double_precision():
            rows, other = table(37, loss, True, np.float64), table(20, loss, True, np.float64, 4)
            common = {"rows": rows, "validation": other}
            members = [member(seed=seed, **common, **fields) for seed in range(count)]
            plain = _BASE | shared
            members[1:1] = [
                member(seed=8, **common, **plain),
                member(seed=9, **common, **plain | {"width": [3, 16], "epochs": 2}),
            ]
            together = train(members, threads=1)
            for one, outcome in zip(members, together, strict=True):
                (alone,) = train([one], threads=1)
                assert (outcome.status, outcome.cause) == (alone.status, alone.cause)
                assert outcome.status != "diverged"
                assert outcome.best_epoch == alone.best_epoch
                for name, values in alone.history.items():
                    np.testing.assert_allclose(outcome.history[name], values, rtol=1e-9)
                assert distance(outcome.weights, alone.weights) <= 1e-10
            return together

    return check


@pytest.mark.parametrize("technique", _ALONE)
def test_a_technique_gives_the_solo_result(technique, assert_company_changes_nothing):
    assert_company_changes_nothing(_ALONE[technique])


@pytest.mark.parametrize(
    "technique", [*_NUMBERS, *_CLIPPING, *sorted(set(_SCHEDULED) - {"constant"})]
)
def test_a_technique_does_something(technique, member, table):
    rows = table()
    with_it, without = train(
        [member(rows=rows, validation=rows, **_BASE, **fields)
         for fields in (_ALONE[technique], {})],
        threads=1,
    )  # fmt: skip
    assert not np.array_equal(with_it.weights[0], without.weights[0])


def _merged(parts):
    return {name: value for part in parts for name, value in part.items()}


@st.composite
def _combinations(draw):
    """Fields of one recipe: any numbers, one clipping, one schedule, one of each structure."""
    numbers = draw(st.sets(st.sampled_from(sorted(_NUMBERS)), min_size=2))
    if {"dropout", "alpha_dropout"} <= numbers:
        numbers -= {draw(st.sampled_from(["dropout", "alpha_dropout"]))}
    parts = [_NUMBERS[name] for name in sorted(numbers)]
    for choice in (_CLIPPING, _SCHEDULED, _OPTIMIZED):
        parts.append(draw(st.just({}) | st.sampled_from(list(choice.values()))))
    for kind in (("norm", "batch norm", "layer norm"), ("relu", "swish")):
        names = [name for name in _STRUCTURES if any(word in name for word in kind)]
        parts.append(draw(st.just({}) | st.sampled_from([_STRUCTURES[name] for name in names])))
    losses = [fields for fields in _STRUCTURES.values() if "loss" in fields]
    parts.append(draw(st.just({}) | st.sampled_from(losses)))
    return _merged(parts)


@settings(max_examples=depth(12))
@given(fields=_combinations())
def test_any_combination_gives_the_solo_result(fields, assert_company_changes_nothing):
    assert_company_changes_nothing(fields, count=2)

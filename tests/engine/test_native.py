"""The kernels against XLA: the same members, the same results, for each variant of them."""

import math
import re
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sampling import depth

from kohort.engine.compilers import chain_program, native
from kohort.engine.compilers.chain_program import lacks
from kohort.engine.compilers.native import NativeCompiler, instruction_sets
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.executors.base import train_with
from kohort.engine.executors.inline import InlineExecutor
from kohort.engine.member import DIVERGED, Member, Rows
from kohort.engine.plan import structure_of
from kohort.engine.predict import Trained, raw_outputs, sampled_outputs
from kohort.engine.programs import compilations
from kohort.networks.own.fields import fields_of
from kohort.recipe.activations import ACTIVATIONS
from kohort.recipe.losses import LINKS, LOSSES
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.recipe import Recipe

pytestmark = [
    pytest.mark.skipif(not instruction_sets(), reason="kohort was installed without its kernels"),
    pytest.mark.parametrize("compiler", ["kernels"], indirect=True),
]
_XLA = XlaCompiler()
_DEVICE = jax.local_devices()[0]
_HEADER = Path(native.__file__).parents[4] / "src" / "native" / "spec.hpp"


def member_of(recipe, rows=37, features=3, targets=1, dtype=np.float32, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, features))
    signal = x[:, :1] - 0.5 * x[:, -1:] ** 2 + 0.3 * generator.normal(size=(rows, targets))
    link, outputs = LINKS[recipe.loss], targets
    if link == "sigmoid":
        y = signal > 0
    elif link == "exponential":
        y = np.floor(np.abs(3 * signal))
    elif link == "softmax":
        y, outputs = np.clip(np.floor(signal[:, :1] + 2), 0, 3), 4
    else:
        y = signal
    x, y = x.astype(dtype), y.astype(dtype)
    weight = generator.integers(1, 128, rows) / 64
    judged = Rows(x[: rows // 2 + 1].copy(), y[: rows // 2 + 1].copy())
    fields = fields_of(recipe, features, outputs)
    return Member(**fields, rows=Rows(x, y, weight), validation=judged, seed=seed)


def trained(members, compiler):
    return train_with(InlineExecutor(compiler=compiler), members)


def agree(ours, theirs, tolerance):
    assert ours.status == theirs.status
    assert ours.history.keys() == theirs.history.keys()
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=tolerance, atol=tolerance)
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        step = max(float(np.abs(other).max(initial=0)), 1e-2)
        assert float(np.abs(one - other).max(initial=0)) <= tolerance * step


def recipe_of(**fields):
    return Recipe.of(
        **{"loss": "mse", "depth": 2, "width": 9, "batch_size": 8, "epochs": 3,
           "early_stopping": False, **fields}
    )  # fmt: skip


def some(names):
    return st.sampled_from(sorted(names))


TECHNIQUES = st.sampled_from(
    [
        {}, {"dropout": 0.3}, {"input_dropout": 0.2}, {"alpha_dropout": 0.1},
        {"gaussian_noise": 0.2}, {"l1": 0.01}, {"l2": 0.02}, {"max_norm": 0.7},
        {"clipvalue": 0.01}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1},
        {"ema_momentum": 0.9, "max_norm": 0.9}, {"freeze_epochs": 1}, {"weight_decay": 0.1},
        {"batch_norm": "before"}, {"batch_norm": "after", "dropout": 0.2},
        {"layer_norm": "before", "l1": 0.01}, {"layer_norm": "after"}, {"schedule": "1cycle"},
        {"label_smoothing": 0.2, "loss": "sparse_categorical_crossentropy"},
    ]
)  # fmt: skip


@st.composite
def problems(draw):
    """A recipe and a table, of any size from 1 up."""
    layers = draw(st.integers(0, 3))
    fields = {
        "activation": draw(some(ACTIVATIONS)),
        "loss": draw(some(LOSSES)),
        "optimizer": draw(some(set(OPTIMIZERS) - {"muon"})),
        "depth": layers,
        "width": [draw(st.integers(1, 40)) for _ in range(layers)],
        "batch_size": draw(st.integers(1, 70)),
        "learning_rate": 0.003,
        "epochs": 2,
        **draw(TECHNIQUES),
    }
    shape = {
        "rows": draw(st.integers(1, 70)), "features": draw(st.integers(1, 20)),
        "targets": draw(st.integers(1, 3)), "seed": draw(st.integers(0, 99)),
    }  # fmt: skip
    return recipe_of(**fields), shape


@settings(max_examples=depth(15))
@given(problem=problems())
def test_kernels_do_to_a_member_what_xla_does(problem, double_precision):
    recipe, shape = problem
    # Masks are the same to the last bit; normal numbers are drawn in single precision.
    tolerance = 1e-6 if recipe.gaussian_noise else 1e-10
    with double_precision():
        one = member_of(recipe, **shape, dtype=np.float64)
        (theirs,) = trained([one], _XLA)
        for variant in instruction_sets():
            (ours,) = trained([one], NativeCompiler(_XLA, variant))
            agree(ours, theirs, tolerance)


@pytest.mark.parametrize(
    "fields",
    [{"activation": name} for name in ACTIVATIONS]
    + [{"loss": name} for name in LOSSES]
    + [{"optimizer": name} for name in OPTIMIZERS if name != "muon"]
    + [{"optimizer": "adam", "amsgrad": True}, {"optimizer": "rmsprop", "momentum": 0.9},
       {"optimizer": "rmsprop", "centered": True, "momentum": 0.5}],
    ids=lambda fields: "-".join(map(str, fields.values())),
)  # fmt: skip
def test_kernels_agree_with_xla_in_single_precision(fields):
    one = member_of(recipe_of(**fields), rows=77)
    (theirs,) = trained([one], _XLA)
    for variant in instruction_sets():
        (ours,) = trained([one], NativeCompiler(_XLA, variant))
        agree(ours, theirs, 1e-5)


@pytest.mark.parametrize("variant", instruction_sets())
def test_predictions_are_those_of_xla(variant):
    recipe = recipe_of(width=[13, 5], activation="gelu", dropout=0.4, input_dropout=0.1)
    one = member_of(recipe, rows=300)
    (outcome,) = trained([one], _XLA)
    kernels = NativeCompiler(_XLA, variant)
    plain = Trained(one.network.predictor, outcome.weights, one.numbers, one.units)
    noisy = Trained(one.network.sampler, outcome.weights, one.numbers, one.units, seed=3)
    for x in (one.rows.x, (one.rows.x * 50).astype(np.uint8)):
        theirs, ours = raw_outputs(plain, x, _XLA), raw_outputs(plain, x, kernels)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())
    samples = [sampled_outputs(noisy, one.rows.x, 3, compiler=c) for c in (kernels, _XLA)]
    np.testing.assert_allclose(*samples, rtol=1e-5, atol=1e-5)
    assert not np.allclose(samples[0][0], samples[0][1])


@pytest.mark.parametrize("activation", chain_program.ACTIVATIONS)
def test_activations_near_the_end_of_exp_are_those_of_xla(activation):
    """The largest number of single precision is exp(88.72)."""
    near = np.linspace(87.5, 89.5, 401, dtype=np.float32)
    recipe = recipe_of(activation=activation, depth=1, width=1)
    network, ones = member_of(recipe, features=1).network, np.ones((1, 1), np.float32)
    slopes = [np.full(1, 0.5, np.float32)] * (activation == "prelu")
    weights = [ones, np.zeros(1, np.float32), *slopes, ones, np.zeros(1, np.float32)]
    one = Trained(network.predictor, weights, recipe.numbers(), (1,))
    kernels = NativeCompiler(_XLA, instruction_sets()[0])
    x = np.concatenate([-near, near])[:, None]
    ours, theirs = (raw_outputs(one, x, compiler) for compiler in (kernels, _XLA))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-30)


def test_alone_and_together_bit_for_bit():
    recipes = [recipe_of(learning_rate=rate, dropout=0.2) for rate in (1e-3, 1e-2, 1e30, 1e-1)]
    members = [member_of(recipe, seed=number) for number, recipe in enumerate(recipes)]
    kernels = NativeCompiler(_XLA, instruction_sets()[0])
    together = trained(members, kernels)
    assert together[2].status == DIVERGED
    for one, outcome in zip(members, together, strict=True):
        (alone,) = trained([one], kernels)
        assert alone.history == outcome.history
        for ours, theirs in zip(alone.weights or (), outcome.weights or (), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e38])
def test_what_is_not_finite_ends_as_it_does_with_xla(bad):
    one = member_of(recipe_of())
    one.rows.x[5, 1] = bad
    (ours,), (theirs,) = (trained([one], c) for c in (NativeCompiler(_XLA, "baseline"), _XLA))
    assert (ours.status, ours.cause) == (theirs.status, theirs.cause)
    assert ours.status == DIVERGED


def test_padding_never_reaches_a_gradient():
    # Noise of this size overflows the exponential of padding rows, if they drew any.
    fields = {"gaussian_noise": 5.0, "activation": "exponential", "optimizer": "sgd"}
    recipe = recipe_of(**fields, depth=1, width=64, batch_size=1, learning_rate=1e-30, epochs=1)
    one = member_of(recipe, rows=3001, features=30)
    (ours,), (theirs,) = (trained([one], c) for c in (NativeCompiler(_XLA, "baseline"), _XLA))
    assert (ours.status, theirs.status) == ("finished", "finished")


def test_a_recipe_that_the_kernels_lack_trains_with_xla_beside_the_rest():
    members = [member_of(recipe_of(optimizer=name)) for name in ("adam", "muon")]
    kernels = NativeCompiler(_XLA, instruction_sets()[0])
    assert [lacks(one.network.dense) for one in members] == ["", "muon"]
    served = [kernels.serves(structure_of(one), _DEVICE) for one in members]
    assert served == [True, False]
    for outcome, expected in zip(trained(members, kernels), trained(members, _XLA), strict=True):
        agree(outcome, expected, 1e-5)


def test_kernels_compile_nothing():
    with compilations() as log:
        trained(
            [member_of(recipe_of(width=width)) for width in (3, 40)],
            NativeCompiler(_XLA, "baseline"),
        )
    assert log == []


def test_a_variant_that_the_processor_lacks_is_refused(monkeypatch):
    monkeypatch.setenv("KOHORT_NATIVE", "sse9")
    with pytest.raises(ValueError, match=r"KOHORT_NATIVE.*baseline.*off.*sse9"):
        native.instruction_set()
    monkeypatch.setenv("KOHORT_NATIVE", "off")
    assert native.instruction_set() is None


@pytest.mark.skipif(not _HEADER.exists(), reason="the kernels' source is not installed")
@pytest.mark.parametrize(
    ("enumeration", "names"),
    [("Activation", "ACTIVATIONS"), ("Norm", "NORMS"), ("Loss", "LOSSES"), ("Metric", "METRICS"),
     ("Family", "FAMILIES"), ("Use", "USES"), ("Number", "NUMBERS")],
)  # fmt: skip
def test_lists_are_in_the_order_of_the_header(enumeration, names):
    text = re.search(rf"enum (?:class )?{enumeration} [^{{]*{{([^}}]*)}}", _HEADER.read_text())[1]
    found = [word.split("=")[0].strip().removeprefix("n_") for word in text.split(",")]
    found = [name.removesuffix("_used") for name in found if name not in ("", "NUMBERS")]
    assert found == list(getattr(chain_program, names))

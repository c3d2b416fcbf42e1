"""Readings of a probe, against direct computations; a probed training is the training itself."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kohort.engine.executors.local import train
from kohort.engine.programs import compilations
from kohort.networks.reading import LAYER, WHOLE
from kohort.recipe.clipping import clipped
from kohort.studies.diagnosis.instruments import Instruments, moments

TIGHT = {"rtol": 1e-10, "atol": 1e-13}


def probed(members):
    """Outcomes and instruments of members that are trained with instruments."""
    instruments = [Instruments(one.steps_per_epoch) for one in members]
    watched = [
        replace(one, instrument=instrument, on_steps=instrument.on_steps)
        for one, instrument in zip(members, instruments, strict=True)
    ]
    return train(watched, 1), instruments


def one_reading(member):
    """Layers and whole of the first step, as dicts; the batch; variables before and after it."""
    short = replace(member, epochs=1)
    (outcome,), (instrument,) = probed([short])
    layers = [dict(zip(LAYER, row, strict=True)) for row in instrument.layers[0]]
    whole = dict(zip(WHOLE, instrument.whole[0], strict=True))
    batch = np.asarray(member.rows.x), np.asarray(member.rows.y)
    return layers, whole, batch, member.initial_variables(), outcome.weights


# A batch that holds all rows: the weights after an epoch are those after the probed step.
WHOLE_BATCH = {"batch_size": 40, "depth": 2, "width": [5, 20], "epochs": 1}


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_every_number_of_a_layer_equals_its_definition(activation, member, table, double_precision):
    with double_precision():
        rows = table(37, dtype=np.float64)
        one = member(rows, activation=activation, optimizer="adam", **WHOLE_BATCH)
        layers, whole, (x, y), before, after = one_reading(one)
    function, slope = {
        "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
        "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
        "sigmoid": (
            lambda z: 1 / (1 + np.exp(-z)),
            lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
        ),
    }[activation]
    steepest = {"tanh": 1, "relu": 1, "sigmoid": 0.25}[activation]
    kernels, biases = before[0::2], before[1::2]
    inputs, signals, slopes = [x], [], []
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        z = inputs[-1] @ kernel + bias
        last = layer == 2
        signals.append(z if last else function(z))
        slopes.append(np.ones_like(z) if last else slope(z))
        inputs.append(signals[-1])
    error = signals[-1] - y
    backward = [2 * error]  # Of each row's loss.
    for layer in (1, 0):
        backward.insert(0, (backward[0] @ kernels[layer + 1].T) * slopes[layer])
    gradients = [a.T @ b / len(x) for a, b in zip(inputs, backward, strict=False)]
    for layer, found in enumerate(layers):
        signal = signals[layer]
        expected = {
            "mean": signal.mean(),
            "deviation": signal.std(),
            "signal": np.mean(signal**2),
            "backward": np.mean(backward[layer] ** 2),
            "weight": np.linalg.norm(kernels[layer]),
            "gradient": np.linalg.norm(gradients[layer]),
            "update": np.linalg.norm(after[2 * layer] - kernels[layer]),
        }
        if layer < 2:
            flat = slopes[layer] <= 0.05 * steepest
            expected |= {"saturated": flat.mean(), "dead": flat.all(axis=0).mean()}
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, **TIGHT, err_msg=f"{name} of {layer}")
        missing = {name for name in LAYER if np.isnan(found[name])}
        assert missing == set(LAYER) - set(expected)
    norms = [np.sum(g**2) for g in gradients] + [np.sum(np.mean(b, axis=0) ** 2) for b in backward]
    np.testing.assert_allclose(whole["gradient"], np.sqrt(sum(norms)), **TIGHT)
    np.testing.assert_allclose(whole["loss"], np.mean(error**2), **TIGHT)
    assert np.isnan(whole["kept"])


@pytest.mark.parametrize(("name", "limit"), [("global_clipnorm", 0.5), ("clipvalue", 0.05)])
def test_what_clipping_leaves_is_judged_on_the_real_gradient(
    name, limit, member, table, double_precision
):
    with double_precision():
        rows = table(37, dtype=np.float64)
        one = member(rows, activation="tanh", **WHOLE_BATCH, **{name: limit})
        _, whole, (x, y), before, _ = one_reading(one)

        def loss(variables):
            signal = x
            for layer in range(3):
                signal = signal @ variables[2 * layer] + variables[2 * layer + 1]
                signal = jnp.tanh(signal) if layer < 2 else signal
            return jnp.mean((signal - y) ** 2)

        grads = jax.grad(loss)([jnp.asarray(v) for v in before])
        left = clipped(grads, {name: jnp.float64(limit)}, frozenset({name}))
        norms = [float(jnp.sqrt(sum(jnp.sum(g**2) for g in part))) for part in (left, grads)]
    np.testing.assert_allclose(whole["kept"], norms[0] / norms[1], rtol=1e-10)
    assert whole["kept"] < 1


def test_a_limit_that_is_not_reached_leaves_the_whole_gradient(member):
    _, (instrument,) = probed([member(global_clipnorm=1e6)])
    np.testing.assert_array_equal(instrument.whole[:, WHOLE.index("kept")], 1.0)


def test_drift_of_batch_norm_is_the_distance_of_the_averages_from_the_batch(
    member, table, double_precision
):
    with double_precision():
        rows = table(37, dtype=np.float64)
        one = member(rows, batch_norm="before", **{**WHOLE_BATCH, "depth": 1, "width": 20})
        layers, _, (x, _), before, _ = one_reading(one)
    z = x @ before[0] + before[1]
    expected = np.mean(np.abs(z.mean(axis=0)) / z.std(axis=0))  # The moving mean starts at 0,
    np.testing.assert_allclose(layers[0]["mean_drift"], expected, **TIGHT)
    expected = np.mean(np.abs(np.log(z.var(axis=0))))  # and the moving variance at 1.
    np.testing.assert_allclose(layers[0]["variance_drift"], expected, **TIGHT)


PROBED = [
    {"optimizer": "sgd", "l2": 0.1},
    {"batch_norm": "before", "dropout": 0.2, "clipnorm": 0.5},
    {"layer_norm": "after", "activation": "prelu", "ema_momentum": 0.9, "max_norm": 1.0},
]


@pytest.mark.parametrize("fields", PROBED, ids=lambda fields: "-".join(fields) or "plain")
def test_probing_changes_no_bit_of_the_weights(fields, member):
    one = member(depth=2, width=[8, 20], **fields)
    (plain,) = train([one], 1)
    (outcome,), (instrument,) = probed([one])
    for a, b in zip(outcome.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert outcome.history == plain.history
    losses = instrument.losses[instrument.steps]
    np.testing.assert_allclose(instrument.whole[:, 0], losses, rtol=1e-5)


def test_a_member_is_probed_alike_alone_and_among_others(member):
    members = [member(seed=seed, width=width) for seed, width in enumerate((8, 13, 4))]
    _, together = probed(members)
    for one, instrument in zip(members, together, strict=True):
        _, (alone,) = probed([one])
        assert alone.steps == instrument.steps == [0, 8]
        np.testing.assert_allclose(instrument.layers, alone.layers, rtol=2e-5, atol=1e-6)


def test_members_without_instruments_train_in_the_same_program_and_none_is_added(member):
    with compilations() as log:
        train([member(depth=3), member(depth=3, seed=1)], 1)
    assert "probe" not in {entry.kind for entry in log}
    with compilations() as log:
        probed([member(depth=3), member(depth=3, seed=1)])
    assert [entry.kind for entry in log] == ["probe"]


def test_probes_are_rare_in_long_trainings_and_never_far_apart():
    steps = [step for step, _ in zip(moments(100), range(200), strict=False)]
    gaps = np.diff(steps)
    assert gaps.min() == 8
    assert gaps.max() <= 512 + 64
    assert all(step % 100 in (0, 64) for step in steps if step > 64)
    assert sum(step < 10_000 for step in steps) / 10_000 < 0.01

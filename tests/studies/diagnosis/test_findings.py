"""Rules on measurements made by hand: each fires on its evidence, none on a healthy training."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kohort
from kohort.errors import ParameterError
from kohort.networks.reading import LAYER, WHOLE
from kohort.studies.diagnosis.diagnosis import diagnosed
from kohort.studies.diagnosis.findings.rules import EXPLAINS, RULES, found
from kohort.studies.diagnosis.measurements import Measurements, Setting, packed, unpacked
from kohort.studies.diagnosis.thresholds import THRESHOLDS, limit

WIDTH, DEPTH, PROBES = 64, 6, 8


def training(setting=None, layers=None, whole=None, **fields):
    """Measurements of a healthy training of six hidden ReLU layers, with changes."""
    names = (*(f"hidden_{n + 1}" for n in range(DEPTH)), "output")
    own = Setting(
        layers=names, activations=(*["relu"] * DEPTH, "linear"),
        fans=(*[(64.0, 64.0)] * DEPTH, (64.0, 1.0)), sizes=(*[64 * 64] * DEPTH, 64),
        tabular=True, scales_inputs=False, loss="mse", classes=0, rows=640, batch_size=32,
        epochs=30, steps_per_epoch=20, optimizer="adam", learning_rate=1e-3, schedule="constant",
        warmup=0.0, clipping=(), batch_norm=False, early_stopping=True, penalised=False,
        dropout=0.0, baseline=1.0, status="finished", best_epoch=29,
        names=tuple((name, name) for name in kohort.DenseClassifier().get_params()),
    )  # fmt: skip
    values = {"mean": 0.5, "deviation": 0.8, "signal": 1.0, "backward": 1.0, "saturated": 0.5,
              "dead": 0.0, "mean_drift": np.nan, "variance_drift": np.nan,
              "weight": np.sqrt(2 * 64), "gradient": 1.0, "update": 0.01}  # fmt: skip
    values |= layers or {}
    table = np.zeros((PROBES, DEPTH + 1, len(LAYER)))
    for number, name in enumerate(LAYER):
        table[:, :, number] = values[name]
    steps = np.arange(PROBES) * 75
    numbers = {"loss": 0.5, "gradient": 2.0, "kept": np.nan} | (whole or {})
    curve = 0.2 + np.exp(-np.arange(30) / 5.0)
    measured = {
        "setting": replace(own, **(setting or {})),
        "steps": steps,
        "layers": table,
        "whole": np.stack([np.broadcast_to(numbers[n], PROBES) for n in WHOLE], axis=1),
        "losses": np.repeat(curve, 20),
        "history": {"loss": curve, "val_loss": 0.1 + curve},
        "inputs": np.stack([np.zeros(5), np.ones(5)]),
        "targets": np.array([[0.0], [1.0]]),
        "shares": np.zeros(0),
        "recalls": np.zeros(0),
    }
    return Measurements(**measured | fields)


def first(measurements):
    findings = found(measurements)
    return findings[0].code if findings else ""


RISING = {"loss": np.full(30, 0.1), "val_loss": np.linspace(0.5, 1.5, 30)}
DOWN = 10.0 ** -np.arange(DEPTH + 1)[::-1]
NOISE = {"loss": 0.5 + 0.1 * np.cos(np.pi * np.arange(30)), "val_loss": np.full(30, 0.6)}
SPIKE = np.concatenate([np.full(10, 1.0), np.full(20, 30.0), np.full(570, 0.3)])
STUCK = {"loss": np.full(30, 0.99), "val_loss": np.full(30, 0.99)}
FAULTS = {
    "constant_inputs": {"inputs": np.array([[0.0, 7.0], [1.0, 0.0]])},
    "unscaled_inputs": {"inputs": np.array([[0.0, 900.0], [1.0, 300.0]])},
    "unscaled_target": {"targets": np.array([[5000.0], [2000.0]])},
    "label_imbalance": {"setting": {"classes": 2}, "shares": np.array([0.98, 0.02]),
                        "recalls": np.array([1.0, 0.1])},
    "wrong_initialisation": {"layers": {"weight": 0.1, "signal": DOWN[::-1]}},
    "vanishing_gradients": {"layers": {"backward": DOWN}},
    "exploding_gradients": {"layers": {"backward": DOWN[::-1]}},
    "dying_units": {"layers": {"dead": 0.99}},
    "saturated_units": {"layers": {"saturated": 0.95},
                        "setting": {"activations": (*["tanh"] * DEPTH, "linear")}},
    "rate_too_high": {"setting": {"status": "diverged"}},
    "rate_too_low": {"layers": {"update": 1e-6}, "history": STUCK},
    "warmup_missing": {"losses": SPIKE},
    "plateau": {"history": NOISE},
    "clipping_always": {"setting": {"clipping": (("clipnorm", 1e-4),)},
                        "whole": {"kept": 1e-4}},
    "clipping_never": {"setting": {"clipping": (("clipnorm", 1e4),)}, "whole": {"kept": 1.0}},
    "overfitting": {"history": RISING, "setting": {"early_stopping": False}},
    "underfitting": {"history": STUCK, "setting": {"penalised": True}},
    "small_batch_norm_batches": {"setting": {"batch_norm": True, "batch_size": 2}},
    "constant_output": {"setting": {"activations": (*["relu"] * DEPTH, "softmax")}},
    "unrelated_targets": {"setting": {"validation_baseline": 1.0, "validation_rows": 100},
                          "history": {"loss": np.full(30, 0.5), "val_loss": np.full(30, 1.1)}},
}  # fmt: skip


def test_a_healthy_training_has_no_finding():
    diagnosis = diagnosed(training())
    assert diagnosis.findings == ()
    assert str(diagnosis) == "No finding: 8 probes in 600 steps saw nothing that is wrong."


@pytest.mark.parametrize("code", FAULTS)
def test_each_fault_is_named_first(code):
    assert first(training(**FAULTS[code])) == code


@pytest.mark.parametrize("code", ["vanishing_gradients", "exploding_gradients"])
def test_an_output_layer_that_starts_at_0_hides_no_gradients(code):
    """It passes nothing back in the first step."""
    backward = np.tile(FAULTS[code]["layers"]["backward"], (PROBES, 1))
    backward[0] = 0
    assert first(training(layers={"backward": backward})) == code


def test_gradients_of_weights_that_a_rate_has_blown_up_tell_nothing_of_the_start():
    """The output layer starts at 0, and the first ratio comes after the first steps."""
    backward = np.tile(DOWN[::-1], (PROBES, 1))
    backward[0] = 0
    weight = np.ones(backward.shape)
    weight[1:] = 100
    codes = [f.code for f in found(training(layers={"backward": backward, "weight": weight}))]
    assert "exploding_gradients" not in codes


def test_a_far_too_high_rate_is_named_before_what_it_does():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8)).astype(np.float32)
    model = kohort.DenseClassifier(random_state=0, epochs=10, learning_rate=10.0)
    diagnosis = kohort.diagnose(model, X, X[:, 0] + X[:, 1] * X[:, 2] > 0)
    assert diagnosis.findings[0].code == "rate_too_high"


def test_every_rule_has_a_fault_here():
    assert {rule.__name__ for rule in RULES} == set(FAULTS)
    assert set(EXPLAINS) <= set(FAULTS)


@pytest.mark.parametrize("code", FAULTS)
def test_a_finding_says_what_was_measured_what_it_means_and_what_to_do(code):
    (finding,) = [f for f in found(training(**FAULTS[code])) if f.code == code]
    assert 0 < finding.severity <= 1
    assert finding.evidence
    for text in (finding.explanation, finding.remedy, finding.reference):
        assert text.strip()
    assert finding.code in str(finding)
    model = kohort.DenseClassifier(early_stopping=False, l2=0.1, clipnorm=1e-4)
    if not finding.changes:
        with pytest.raises(ParameterError, match="whose remedy is a change of parameters"):
            finding.apply(model)
        return
    changed = finding.apply(model)
    assert changed is not model
    for name, value in finding.changes.items():
        assert changed.get_params()[name] == value


def test_an_estimator_without_the_parameters_is_refused():
    (finding,) = found(training(**FAULTS["unscaled_target"]))
    with pytest.raises(ParameterError, match="with the parameters standardize"):
        finding.apply(kohort.KerasRegressor())


def test_parameters_are_named_as_the_estimator_has_them():
    names = (("learning_rate", "optimizer__learning_rate"),)
    fault = {**FAULTS["rate_too_low"], "setting": {"names": names}}
    (finding,) = found(training(**fault))
    assert list(finding.changes) == ["optimizer__learning_rate"]
    fault = {**FAULTS["dying_units"], "setting": {"names": names}}
    assert found(training(**fault))[0].changes == {}


@pytest.mark.parametrize(("cause", "effects"), EXPLAINS.items())
def test_a_cause_comes_before_its_effects(cause, effects):
    for effect in effects & set(FAULTS):
        one, other = FAULTS[cause], FAULTS[effect]
        both = {**other, **one}
        for part in ("setting", "layers", "whole"):
            if part in one and part in other:
                both[part] = {**other[part], **one[part]}
        codes = [finding.code for finding in found(training(**both))]
        if cause in codes and effect in codes:
            assert codes.index(cause) < codes.index(effect)


@pytest.mark.parametrize(
    ("classes", "entropy", "told"),
    [(2, 0.693, True), (2, 0.27, False), (9, 2.2, True), (0, 0.27, True)],
)
def test_rows_of_rare_classes_say_less_of_targets(classes, entropy, told):
    """Two of 40 rows in a rare class are a few too many or too few by chance."""
    setting = {"classes": classes, "validation_baseline": entropy, "validation_rows": 41}
    history = {"loss": np.full(30, 0.5), "val_loss": np.full(30, 1.1 * entropy)}
    codes = [f.code for f in found(training(setting=setting, history=history))]
    assert ("unrelated_targets" in codes) == told


def test_causes_are_listed_before_their_effects():
    order = list(EXPLAINS)
    for cause, effects in EXPLAINS.items():
        late = [effect for effect in effects if effect in order]
        assert all(order.index(effect) > order.index(cause) for effect in late), cause


@given(st.floats(1e-3, 1e3), st.integers(0, 4))
def test_the_scale_of_inputs_alone_decides_about_them(scale, column):
    inputs = np.stack([np.zeros(5), np.ones(5)])
    inputs[:, column] *= scale
    codes = [finding.code for finding in found(training(inputs=inputs))]
    largest = max(1.0, scale)
    assert ("unscaled_inputs" in codes) == (largest >= limit("input_size"))


@given(st.permutations(list(FAULTS)).map(lambda codes: codes[:3]))
def test_findings_are_sorted_by_severity(codes):
    faults = {}
    for code in codes:
        faults |= FAULTS[code]
    severities = [finding.severity for finding in found(training(**faults))]
    assert severities == sorted(severities, reverse=True)
    assert all(0 < severity <= 1 for severity in severities)


def test_thresholds_have_reasons():
    for name, threshold in THRESHOLDS.items():
        assert threshold.meaning, name
        assert threshold.reason.endswith("."), name


def test_measurements_survive_a_file(tmp_path):
    before = training(**FAULTS["label_imbalance"])
    np.savez(tmp_path / "m.npz", allow_pickle=False, **packed(before))
    with np.load(tmp_path / "m.npz") as arrays:
        after = unpacked(dict(arrays))
    assert after.setting == before.setting
    assert [f.code for f in found(after)] == [f.code for f in found(before)]
    assert after.table().equals(before.table())


def test_a_diagnosis_is_drawn_with_its_finding_over_it():
    diagnosis = diagnosed(training(**FAULTS["vanishing_gradients"]))
    figure = diagnosis.plot()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Signal of each layer (mean square)",
        "Gradient of each layer (norm over root of size)",
        "Step over weight (faint: each layer)",
        "Loss",
    ]
    assert figure._suptitle.get_text().startswith("vanishing_gradients")
    assert [axes.spines["top"].get_visible() for axes in figure.axes] == [False, True, False, False]


BROKEN = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e38])
PLACES = st.lists(st.tuples(st.floats(0, 0.999), BROKEN), max_size=12)


@given(PLACES, PLACES, PLACES, PLACES, st.sampled_from(["finished", "diverged"]))
def test_numbers_that_broke_in_training_break_no_rule(layers, whole, losses, logs, status):
    broken = training({"status": status})
    history = {name: log.copy() for name, log in broken.history.items()}
    parts = (broken.layers, broken.whole, broken.losses, history["loss"])
    for part, places in zip(parts, (layers, whole, losses, logs), strict=True):
        for share, value in places:
            part.reshape(-1)[int(share * part.size)] = value
    for finding in found(replace(broken, history=history)):
        assert 0 < finding.severity <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("epochs", [0, 1, 30])
def test_a_training_of_nothing_but_broken_numbers_is_judged(value, epochs):
    healthy = training()
    broken = replace(
        healthy,
        setting=replace(healthy.setting, status="diverged", baseline=np.nan),
        layers=np.full_like(healthy.layers, value),
        whole=np.full_like(healthy.whole, value),
        losses=np.full_like(healthy.losses, value),
        history={"loss": np.full(epochs, value), "val_loss": np.full(epochs, value)},
    )
    assert "rate_too_high" in {finding.code for finding in found(broken)}
    assert diagnosed(broken).plot()

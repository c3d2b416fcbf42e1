"""Findings about the learning rate and its schedule."""

from __future__ import annotations

import numpy as np

from kohort.engine.member import DIVERGED
from kohort.studies.diagnosis.findings.evidence import (
    first_loss,
    largest,
    late,
    learned,
    middle,
    parameters,
    reference_loss,
    severity,
    update_ratio,
)
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements
from kohort.studies.diagnosis.thresholds import limit

_FEW_EPOCHS = 8
_SMITH = "Smith 2018 (arXiv:1803.09820)"


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")


def rate_too_high(m: Measurements) -> Finding | None:
    """Steps that are too large: the loss diverges or rises, or the weights are replaced."""
    losses = m.history.get("loss", np.zeros(0))
    ratios = np.minimum(update_ratio(m), update_ratio(m, start=True))
    diverged, size, most = m.setting.status == DIVERGED, float(late(m, ratios)), largest(ratios)
    start = float(np.fmax(first_loss(m), reference_loss(m)))
    ended = float(losses[-1] / start) if len(losses) else np.inf
    dead = np.nan_to_num(m.of_layers("dead"))
    killed = float(np.max(late(m, dead) - dead[0]))
    far, died = most > limit("update_step"), killed > limit("killed")
    threw_off = (far and died) or ((far or died) and learned(m) < limit("unlearned"))
    worse, jumps = ended > limit("rise_of_loss"), size > limit("update_size")
    if not (diverged or worse or jumps or threw_off):
        return None
    rate = _rounded(m.setting.learning_rate / (30.0 if diverged or threw_off else 10.0))
    seen = (
        "Training diverged" if diverged
        else f"The loss ended at {ended:.2g} times what it started with" if worse
        else f"A step changes the weights by {100 * size:.2g} %" if jumps
        else f"Single steps changed the weights by {100 * most:.2g} %, and "
        f"{100 * max(killed, 0):.2g} % of a layer's units died in training"
    )  # fmt: skip
    return Finding(
        "rate_too_high",
        1.0 if diverged else 0.8 if worse or threw_off else 0.6,
        None,
        {
            "diverged": diverged,
            "last_loss_over_first": ended,
            "threshold_loss": limit("rise_of_loss"),
            "update_to_weight": size,
            "threshold_update": limit("update_size"),
            "largest_update_to_weight": most,
            "threshold_largest": limit("update_step"),
            "units_killed": killed,
            "threshold_killed": limit("killed"),
        },
        f"{seen}: steps of this size jump over what they should find.",
        f"Lower the learning rate to about {rate:g}.",
        parameters(m, learning_rate=rate) if np.isfinite(rate) else {},
        _SMITH,
    )


def rate_too_low(m: Measurements) -> Finding | None:
    """Steps that are too small for the training to get anywhere."""
    size = middle(update_ratio(m))
    travel = size * len(m.losses)
    small = len(m.losses) > 0 and size < limit("update") and travel < limit("travel")
    if not small or learned(m) > limit("unlearned"):
        return None
    wanted = max(limit("update"), 1 / len(m.losses))
    factor = float(np.clip(wanted / max(size, 1e-12), 3.0, 1e4))
    rate = _rounded(m.setting.learning_rate * factor)
    return Finding(
        "rate_too_low",
        severity(limit("travel") / max(travel, 1e-12), 0.6),
        None,
        {
            "update_to_weight": size,
            "steps": len(m.losses),
            "threshold_update": limit("update"),
            "travel": travel,
            "threshold_travel": limit("travel"),
        },
        f"A step changes the weights by {100 * size:.1g} %, so that all {len(m.losses)} steps "
        f"together cannot move them by more than {100 * travel:.2g} %.",
        f"Raise the learning rate to about {rate:g}.",
        parameters(m, learning_rate=rate) if np.isfinite(rate) else {},
        "Karpathy 2016, CS231n, Babysitting the learning process",
    )


def warmup_missing(m: Measurements) -> Finding | None:
    """First steps that make the network worse before it recovers."""
    count = len(m.losses)
    if m.setting.warmup or m.setting.status == DIVERGED or count < 30:
        return None
    window = max(1, count // 100)
    smooth = np.convolve(m.losses, np.ones(window) / window, "valid")
    early = smooth[: max(2, count // 10)]
    start = float(np.fmax(first_loss(m), reference_loss(m)))
    spike, end = float(early.max() / start), float(smooth[-1] / start)
    if spike < limit("early_spike") or end > 1:
        return None
    return Finding(
        "warmup_missing",
        severity(spike / limit("early_spike"), 0.5),
        None,
        {
            "highest_early_loss_over_first": spike,
            "step": int(early.argmax()),
            "last_loss_over_first": end,
            "threshold": limit("early_spike"),
        },
        f"At step {int(early.argmax())} the loss was {spike:.2g} times what it started with: the "
        "first steps at the full rate threw the network off.",
        "Let the rate rise over the first tenth of the training: warmup=0.1.",
        parameters(m, warmup=0.1),
        "Goyal et al. 2017 (arXiv:1706.02677)",
    )


def plateau(m: Measurements) -> Finding | None:
    """A loss that stays up because steps of a constant rate jump to and fro: a third of the epochs
    gains less than chance gives or takes in one.
    """
    losses = m.history.get("loss", np.zeros(0))
    third = len(losses) // 3
    if m.setting.schedule != "constant" or third < _FEW_EPOCHS or m.setting.status == DIVERGED:
        return None
    before, last = losses[-2 * third : -third], losses[-third:]
    gain = float(1 - np.median(last) / np.median(before))
    jitter = float(np.std(np.diff(last)) / np.sqrt(2) / last.mean())
    high = last.mean() > limit("floor") * reference_loss(m)
    if gain > jitter or jitter < limit("jitter") or not high:
        return None
    return Finding(
        "plateau",
        severity(jitter / limit("jitter"), 0.4),
        None,
        {
            "gain_of_the_last_third": gain,
            "threshold_gain": jitter,
            "jitter": jitter,
            "threshold_jitter": limit("jitter"),
        },
        f"The last {third} epochs gained {100 * max(gain, 0):.2g} %, while the loss of one epoch "
        f"differs from the next by {100 * jitter:.2g} %: the steps are too large to go deeper.",
        'Lower the rate towards the end: schedule="cosine".',
        parameters(m, schedule="cosine"),
        "Bottou, Curtis and Nocedal 2018, section 4.2; Loshchilov and Hutter 2017",
    )


RULES = (rate_too_high, rate_too_low, warmup_missing, plateau)

"""Findings about how well training and validation rows are fitted."""

from __future__ import annotations

import numpy as np

from kohort.studies.diagnosis.findings.evidence import learned, parameters, reference_loss, severity
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements
from kohort.studies.diagnosis.thresholds import limit


def overfitting(m: Measurements) -> Finding | None:
    """A network that learns its training rows by heart."""
    train, validation = (m.history.get(name, np.zeros(0)) for name in ("loss", "val_loss"))
    if not len(validation) or min(validation.min(), train.min()) <= 0:
        return None
    best, rise = int(validation.argmin()), float(validation[-1] / validation.min())
    kept = min(m.setting.best_epoch, len(train) - 1) if m.setting.early_stopping else -1
    gap = float(validation[kept] / train[kept])
    lost = float((validation[kept] - train[kept]) / reference_loss(m))
    risen = m.setting.early_stopping or rise >= limit("rise")
    if gap < limit("gap") or lost < limit("gap_size") or not risen:
        return None
    changes = {"dropout": 0.3}
    if not m.setting.early_stopping:
        changes["early_stopping"] = True
    words = " and ".join(f"{name}={value}" for name, value in changes.items())
    return Finding(
        "overfitting",
        severity(gap * rise / limit("gap") / limit("rise"), 0.5),
        None,
        {
            "validation_over_training": gap,
            "threshold_gap": limit("gap"),
            "difference_over_constant": lost,
            "threshold_difference": limit("gap_size"),
            "last_over_best_validation": rise,
            "threshold_rise": limit("rise"),
            "best_epoch": best + 1,
        },
        f"The validation loss is {gap:.2g} times the training loss, and rose to {rise:.2g} times "
        f"its best after epoch {best + 1}: the network learns its rows by heart.",
        f"Regularise ({words}), use a smaller network, or get more rows.",
        parameters(m, **changes),
        "Srivastava et al. 2014; Prechelt 1998",
    )


def underfitting(m: Measurements) -> Finding | None:
    """A network that is too small, or held back, to fit even its training rows."""
    losses = m.history.get("loss", np.zeros(0))
    share, setting = learned(m), m.setting
    narrow = min((setting.fans[place][1] for place in m.kernels[:-1]), default=0.0)
    if len(losses) < 3 or share > limit("unlearned") or not np.isfinite(setting.baseline):
        return None
    held = setting.penalised or setting.dropout >= 0.5
    if not held and narrow >= max(4, setting.classes / 4):
        return None
    if held:
        changes = {"l1": 0.0, "l2": 0.0, "dropout": 0.0}
        remedy = "Regularise less: lower l1, l2 and dropout."
    else:
        changes = {"width": 64}
        remedy = "Give the network more units: width=64."
    return Finding(
        "underfitting",
        severity(10.0, 0.5),
        None,
        {
            "learned": share,
            "threshold": limit("unlearned"),
            "narrowest_layer": narrow,
            "penalised": setting.penalised,
            "dropout": setting.dropout,
        },
        f"Training removed {100 * max(share, 0):.2g} % of a constant prediction's loss: the "
        f"network is {'held back' if held else 'too narrow'}.",
        remedy,
        parameters(m, **changes),
        "Goodfellow, Bengio and Courville 2016, Deep Learning, section 5.2",
    )


RULES = (overfitting, underfitting)

"""Findings about the relation of inputs and targets."""

from __future__ import annotations

import math

import numpy as np

from kohort.studies.diagnosis.findings.evidence import learned, severity
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements
from kohort.studies.diagnosis.thresholds import limit


def unrelated_targets(m: Measurements) -> Finding | None:
    """Targets of which the network learns its training rows, and nothing for any other row."""
    validation, base = m.history.get("val_loss", np.zeros(0)), m.setting.validation_baseline
    share, rows = learned(m), m.setting.validation_rows
    telling = rows * min(1.0, base / math.log(2)) if m.setting.classes else float(rows)
    if not len(validation) or telling < limit("few") or share < limit("relation") or not base > 0:
        return None
    best = int(validation.argmin()) + 1
    if best > limit("over") * len(validation):  # It may go on to fall.
        return None
    held = 1 - float(validation.min()) / base
    chance = max(limit("relation"), limit("chance") / telling)
    if not held < chance:
        return None
    return Finding(
        "unrelated_targets",
        severity(10.0, 0.7),
        None,
        {
            "learned_of_training_rows": share,
            "learned_of_validation_rows": held,
            "telling_rows": telling,
            "threshold_telling_rows": limit("few"),
            "threshold": chance,
            "best_epoch": best,
            "threshold_best_epoch": limit("over") * len(validation),
        },
        f"Of a constant prediction's loss training removed {100 * share:.2g} % on the rows it "
        f"learns from, and no more than chance on the {rows} validation rows, "
        "in any epoch: what it finds in the inputs says nothing about other rows' targets.",
        "Check that targets stand beside their own rows (not shuffled, sorted or shifted alone) "
        "and that validation rows are of the same kind; else the inputs do not tell the target.",
        {},
        "Zhang et al. 2017, Understanding Deep Learning Requires Rethinking Generalization",
    )


RULES = (unrelated_targets,)

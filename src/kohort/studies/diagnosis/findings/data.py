"""Findings about the data that a network is given."""

from __future__ import annotations

import numpy as np

from kohort.studies.diagnosis.findings.evidence import parameters, severity
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements
from kohort.studies.diagnosis.thresholds import limit

_LECUN = "LeCun, Bottou, Orr and Müller 1998, Efficient BackProp"
_MOST_NAMED = 10


def constant_inputs(m: Measurements) -> Finding | None:
    """Inputs that are the same in every row."""
    if not m.setting.tabular:
        return None
    mean, deviation = m.inputs
    rounding = 10 * np.finfo(np.float32).eps * np.abs(mean)
    constant = np.flatnonzero(deviation <= rounding)
    if not len(constant):
        return None
    count = len(mean)
    return Finding(
        "constant_inputs",
        1.0 if len(constant) == count else 0.2,
        None,
        {"constant": len(constant), "inputs": count, "columns": constant[:_MOST_NAMED].tolist()},
        f"{len(constant)} of {count} inputs have the same value in every row and say nothing.",
        "Leave these columns out, or find out why they are empty.",
        {},
        "scikit-learn, VarianceThreshold",
    )


def unscaled_inputs(m: Measurements) -> Finding | None:
    """Inputs whose size is far from 1."""
    if not m.setting.tabular or m.setting.scales_inputs:
        return None
    mean, deviation = m.inputs
    size = np.sqrt(np.square(mean) + np.square(deviation))
    largest = float(size.max(initial=0.0))
    excess = max(largest / limit("input_size"), limit("input_smallness") / max(largest, 1e-30))
    if excess < 1 or not largest:
        return None
    return Finding(
        "unscaled_inputs",
        severity(excess, 0.7),
        None,
        {
            "largest_root_mean_square": largest,
            "column": int(size.argmax()),
            "smallest_root_mean_square": float(size.min()),
            "threshold": limit("input_size" if largest > 1 else "input_smallness"),
        },
        f"Inputs are of size {size.min():.3g} to {largest:.3g} instead of about 1, so that a few "
        "columns decide the loss, and one rate cannot suit all weights.",
        "Standardise the inputs: standardize=True, or a keras.layers.Normalization in front.",
        parameters(m, standardize=True),
        _LECUN,
    )


def unscaled_target(m: Measurements) -> Finding | None:
    """A target whose size is far from 1."""
    if not m.targets.size or m.setting.loss == "poisson":
        return None
    mean, deviation = m.targets
    size, smallest = float(max(deviation.max(), np.abs(mean).max())), float(deviation.min())
    excess = max(size / limit("target_size"), limit("target_smallness") / max(smallest, 1e-30))
    if excess < 1:
        return None
    large = size > limit("target_size")
    return Finding(
        "unscaled_target",
        severity(excess, 0.7),
        None,
        {
            "largest_deviation": float(deviation.max()),
            "largest_mean": float(np.abs(mean).max()),
            "smallest_deviation": smallest,
            "threshold": limit("target_size" if large else "target_smallness"),
        },
        f"The target has a mean of {mean[0]:.3g} and a deviation of {deviation[0]:.3g}, where a "
        "fresh network's output is of size 1: most steps go into reaching its scale.",
        "Standardise the target: standardize=True, or scikit-learn's TransformedTargetRegressor.",
        parameters(m, standardize=True),
        _LECUN,
    )


def label_imbalance(m: Measurements) -> Finding | None:
    """A rare class that the network misses while its accuracy looks well."""
    if not len(m.recalls):
        return None
    rarest = int(m.shares.argmin())
    share, recall = float(m.shares[rarest]), float(m.recalls[rarest])
    relative = share * len(m.shares)
    if relative >= limit("rare_class") or not recall < limit("missed_class"):
        return None
    return Finding(
        "label_imbalance",
        0.6 + 0.3 * (1 - recall / limit("missed_class")),
        None,
        {
            "class": rarest,
            "share": share,
            "recall": recall,
            "accuracy_of_the_commonest_class": float(m.shares.max()),
            "threshold_share": limit("rare_class") / len(m.shares),
            "threshold_recall": limit("missed_class"),
        },
        f"Class {rarest} (from 0, as in classes_) has {100 * share:.2g} % of the rows, and "
        f"{100 * recall:.3g} % of it are recognised; accuracy hides that.",
        'Weigh the classes (class_weight="balanced"), and score by balanced accuracy.',
        parameters(m, class_weight="balanced"),
        "He and Garcia 2009, Learning from Imbalanced Data",
        "balanced_accuracy",
    )


RULES = (constant_inputs, unscaled_inputs, unscaled_target, label_imbalance)

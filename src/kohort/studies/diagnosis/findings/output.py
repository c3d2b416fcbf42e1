"""Findings about the last layer."""

from __future__ import annotations

from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements


def constant_output(m: Measurements) -> Finding | None:
    """A softmax over a single unit, which is 1 for all inputs."""
    kernels = m.kernels
    if not kernels or m.setting.activations[-1] != "softmax" or m.setting.fans[kernels[-1]][1] != 1:
        return None
    return Finding(
        "constant_output",
        1.0,
        m.setting.layers[-1],
        {"units": 1, "activation": "softmax"},
        "The last layer is a softmax over one unit, which is 1 for every row: no gradient reaches "
        "any weight, and nothing is learned.",
        'End the model with Dense(1, "sigmoid"), or with a softmax unit for each class.',
        {},
        "Goodfellow, Bengio and Courville 2016, Deep Learning, section 6.2.2",
    )


RULES = (constant_output,)

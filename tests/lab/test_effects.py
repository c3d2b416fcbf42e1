"""A picture's dots are the effects of the comparisons."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from kohort.lab.outcomes import Outcome, Outcomes
from kohort.lab.part import Part
from kohort.lab.pictures import effects
from kohort.lab.words import Words

VALUES = {"a": {"new": (1.0, 2.0), "old": (2.0, 4.0)}, "b": {"new": (3.0, 5.0), "old": (1.0, 1.0)}}
FOUND = Outcomes(
    Outcome("loss", table, "", side, seed, value)
    for table, sides in VALUES.items()
    for side, values in sides.items()
    for seed, value in enumerate(values)
)


def test_each_table_has_a_dot_for_each_comparison():
    name = Words("x", "x")
    parts = [
        ("ratio", Part(name, "loss", "new", "old")),
        ("difference", Part(name, "loss", "new", "old", by="difference")),
    ]
    axes = Figure().subplots()
    effects(axes, FOUND, parts, ("a", "b"))
    dots = {line.get_label(): line.get_xdata() for line in axes.lines if line.get_marker() == "o"}
    np.testing.assert_allclose(dots["a"], [-50, -1.5])  # Half of it: -50 %.
    np.testing.assert_allclose(dots["b"], [100 * (np.sqrt(15) - 1), 3])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ratio", "difference"]

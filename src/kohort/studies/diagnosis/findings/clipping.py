"""Findings about the clipping of gradients."""

from __future__ import annotations

import numpy as np

from kohort.studies.diagnosis.findings.evidence import largest, middle, parameters, severity
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements
from kohort.studies.diagnosis.thresholds import limit

_PASCANU = "Pascanu, Mikolov and Bengio 2013 (arXiv:1211.5063)"


def clipping_always(m: Measurements) -> Finding | None:
    """A limit so low that it sets the size of every step."""
    kept = m.of_steps("kept")
    kept = kept[np.isfinite(kept)]
    if not len(kept) or not m.setting.clipping:
        return None
    clipped, left = float(np.mean(kept < 1)), middle(kept)
    if clipped < limit("clipped_always") or left > limit("clipped_much"):
        return None
    (name, size), *_ = m.setting.clipping
    norm = middle(m.of_steps("gradient"))
    return Finding(
        "clipping_always",
        severity(limit("clipped_much") / max(left, 1e-12), 0.5),
        None,
        {
            "clipped_steps": clipped,
            "threshold_steps": limit("clipped_always"),
            "left_of_the_gradient": left,
            "threshold_left": limit("clipped_much"),
            "median_norm": norm,
        },
        f"{name}={size:g} clips {100 * clipped:.3g} % of the steps and leaves {100 * left:.2g} % "
        "of their gradient: it has become the learning rate.",
        f"Raise the limit beyond the usual gradient, whose norm is {norm:.2g}, or leave it out.",
        parameters(m, **{name: None}),
        _PASCANU,
    )


def clipping_never(m: Measurements) -> Finding | None:
    """A limit that nothing comes near to."""
    kept, norms = m.of_steps("kept"), m.of_steps("gradient")
    if not m.setting.clipping or not np.isfinite(norms).all():
        return None
    (name, size), *_ = m.setting.clipping
    most = largest(norms)
    if not np.all(kept >= 1) or not 0 < limit("clipped_never") * most <= size:
        return None
    return Finding(
        "clipping_never",
        0.15,
        None,
        {"limit": size, "largest_norm": most, "threshold": limit("clipped_never")},
        f"{name}={size:g} is {size / most:.2g} times the largest gradient: it protects from "
        "nothing.",
        f"Leave it out, or set it near the largest gradient, {most:.2g}.",
        parameters(m, **{name: float(f"{most:.2g}")}),
        _PASCANU,
    )


RULES = (clipping_always, clipping_never)

"""Findings about units that do not react any more."""

from __future__ import annotations

import numpy as np

from kohort.studies.diagnosis.findings.evidence import (
    RECTIFIERS,
    SATURATING,
    late,
    learned,
    parameters,
    severity,
)
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Measurements
from kohort.studies.diagnosis.thresholds import limit


def _worst(m: Measurements, name: str, activations: frozenset[str]) -> tuple[int, float] | None:
    """The layer, of those with the activations, that has the largest share late in training."""
    places = [
        n
        for n, activation in enumerate(m.setting.activations[:-1])
        if activation in activations
    ]  # fmt: skip
    if not places:
        return None
    shares = np.nan_to_num(late(m, m.of_layers(name)[:, places]))
    return places[int(shares.argmax())], float(shares.max())


def dying_units(m: Measurements) -> Finding | None:
    """Rectified units that no row makes active, and that get no gradient any more."""
    found = _worst(m, "dead", RECTIFIERS)
    if found is None or found[1] < limit("dead"):
        return None
    place, share = found
    start = float(m.of_layers("dead")[0, place])
    return Finding(
        "dying_units",
        0.7 + 0.3 * (share - limit("dead")) / (1 - limit("dead")),
        m.setting.layers[place],
        {"dead": share, "dead_at_the_start": start, "threshold": limit("dead")},
        f"{100 * share:.3g} % of the units of {m.setting.layers[place]} are inactive for every row "
        f"({100 * start:.3g} % at the start), and get no gradient that could wake them.",
        'Let a little through: activation="leaky_relu"; look at the biases that they start with.',
        parameters(m, activation="leaky_relu"),
        "Lu, Shin, Su and Karniadakis 2020 (arXiv:1903.06733)",
    )


def saturated_units(m: Measurements) -> Finding | None:
    """Units in the flat parts of their activation."""
    found = _worst(m, "saturated", SATURATING)
    if found is None or found[1] < limit("saturated"):
        return None
    place, share = found
    return Finding(
        "saturated_units",
        severity(1.0 if learned(m) > limit("unlearned") else 10.0, 0.6),
        m.setting.layers[place],
        {"saturated": share, "threshold": limit("saturated")},
        f"{100 * share:.3g} % of the activations of {m.setting.layers[place]} are where "
        f"{m.setting.activations[place]} is flat, and pass hardly any gradient on.",
        'Use activation="relu", or normalise before the activation.',
        parameters(m, activation="relu"),
        "Glorot and Bengio 2010",
    )


RULES = (dying_units, saturated_units)

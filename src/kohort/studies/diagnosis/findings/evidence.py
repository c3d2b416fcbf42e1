"""Questions to the measurements that several rules share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Array, Measurements

Rule = Callable[[Measurements], Finding | None]

RECTIFIERS = frozenset(("relu", "relu6"))
"""Activations that are flat on one side."""
SATURATING = frozenset(("tanh", "sigmoid", "softsign", "hard_sigmoid", "hard_tanh"))
"""Activations that are flat on both sides."""


_FEW_STEPS = 8


def parameters(m: Measurements, **changes: Any) -> dict[str, Any]:
    """Changes of the dense estimators' parameters as the estimator names them; none if it lacks
    one of them.
    """
    names = dict(m.setting.names)
    if not set(changes) <= set(names):
        return {}
    return {names[name]: value for name, value in changes.items()}


def severity(excess: float, low: float = 0.5) -> float:
    """From `low` at a threshold to 1 at a thousand times it, by the logarithm."""
    if not np.isfinite(excess):
        return 1.0
    return float(np.clip(low + (1 - low) * np.log10(max(excess, 1.0)) / 3, low, 1.0))


def whole_numbers(m: Measurements) -> Measurements:
    """Measurements up to a breakdown: NaN for infinite numbers, logs up to the first of them."""
    count = len(m.losses)
    broken = np.flatnonzero(~np.isfinite(m.losses))
    logs = np.array(list(m.history.values()))
    lost = np.flatnonzero(~np.isfinite(logs).all(axis=0)) if logs.size else np.zeros(0)
    epochs = int(lost[0]) if len(lost) else None
    return replace(
        m,
        layers=np.where(np.isfinite(m.layers), m.layers, np.nan),
        whole=np.where(np.isfinite(m.whole), m.whole, np.nan),
        losses=m.losses[: broken[0] if len(broken) else count],
        history={name: values[:epochs] for name, values in m.history.items()},
    )


def middle(values: Array) -> float:
    """Median of the numbers that are known; NaN if none is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def largest(values: Array) -> float:
    """Largest of the numbers that are known; NaN if none is."""
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else float("nan")


def late(m: Measurements, values: Array, share: float = 0.5) -> Array:
    """Median over the probes of the last part of the training, of which there is at least one; NaN
    where nothing is known.
    """
    chosen = m.steps >= (1 - share) * len(m.losses)
    chosen[-1] = True
    columns = values[chosen].reshape(int(chosen.sum()), -1).T
    return np.array([middle(column) for column in columns]).reshape(values.shape[1:])


def hidden(m: Measurements) -> list[int]:
    """Layers with an activation of their own, the last layer left out, in order."""
    count = len(m.setting.layers)
    return [n for n in range(count - 1) if m.setting.activations[n] != "linear"]


def first_loss(m: Measurements) -> float:
    """Loss of a batch before training has changed it much: the median of the first few steps."""
    return middle(m.losses[:_FEW_STEPS])


def reference_loss(m: Measurements) -> float:
    """Loss of a constant prediction; of the untrained network where that is not known."""
    base = m.setting.baseline
    return base if np.isfinite(base) and base > 0 else first_loss(m)


def learned(m: Measurements) -> float:
    """Share of the constant prediction's loss that training has removed from the training loss."""
    losses = m.history.get("loss", np.zeros(0))
    share = 1 + largest(-losses) / reference_loss(m)
    return share if np.isfinite(share) else 0.0


def update_ratio(m: Measurements, start: bool = False) -> Array:
    """Median over the layers of the update-to-weight ratio, shape (probe,); over the weights that
    training started with if asked, which no penalty has shrunk.
    """
    ratios = m.updates[:, m.kernels]
    if start:
        weight = m.of_layers("weight")[:, m.kernels]
        ratios = ratios * weight / np.where(weight[0] > 0, weight[0], np.nan)
    return np.array([middle(row) for row in ratios])

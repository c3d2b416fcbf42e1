"""Panels, and how a sweep is drawn on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot

from kohort.style import COLORS

PICTURES: dict[str, Callable[[], Any]] = {}


def picture(function: Callable[[], Any]) -> Callable[[], Any]:
    """Register a function that returns a figure under its own name."""
    PICTURES[function.__name__] = function
    return function


def panels(count: int = 1, width: float = 4.6, height: float = 3.4) -> tuple[Any, Any]:
    figure, axes = pyplot.subplots(
        1, count, figsize=(width * count, height), layout="constrained", squeeze=False
    )
    for one in axes[0]:
        one.set_prop_cycle(color=COLORS)
    return figure, axes[0]


def points(axes: Any, found: Any, name: str, label: str | None = None, color: Any = None) -> None:
    """Median over seeds and every seed, against the values of one parameter."""
    x = [params[name] for params, _ in found]
    (line,) = axes.plot(x, [np.median(s) for _, s in found], label=label, color=color, linewidth=2)
    for value, (_, scores) in zip(x, found, strict=True):
        axes.plot([value] * len(scores), scores, ".", color=line.get_color(), alpha=0.35)

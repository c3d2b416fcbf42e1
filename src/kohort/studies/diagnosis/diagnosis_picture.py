"""The picture of a diagnosis: four small charts, with the findings written over them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.studies.diagnosis.findings.evidence import update_ratio, whole_numbers
from kohort.studies.diagnosis.findings.finding import Finding
from kohort.studies.diagnosis.measurements import Array, Measurements
from kohort.studies.diagnosis.thresholds import limit
from kohort.style import COLORS, FAINT, GRAY, INK, STYLE, matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NAMES = 12
_SIGNALS = frozenset(("wrong_initialisation", "saturated_units", "dying_units", "unscaled_inputs"))
_GRADIENTS = frozenset(("vanishing_gradients", "exploding_gradients"))
_UPDATES = frozenset(
    ("rate_too_high", "rate_too_low", "clipping_always", "clipping_never", "unscaled_target")
)


def drawn(measurements: Measurements, findings: Sequence[Finding]) -> Any:
    """A figure of signals, gradients, updates and losses.

    Parameters
    ----------
    measurements : Measurements
    findings : sequence of Finding
        The first one's chart is marked.

    Returns
    -------
    matplotlib.figure.Figure
    """
    mpl = matplotlib()
    from matplotlib import pyplot

    measurements = whole_numbers(measurements)

    with mpl.rc_context(STYLE):
        figure, axes = pyplot.subplots(2, 2, figsize=(10.5, 7.2), dpi=120, layout="constrained")
        (signal, gradient), (update, loss) = axes
        _draw_layers(signal, measurements, "signal")
        signal.set_title("Signal of each layer (mean square)")
        _draw_layers(gradient, measurements, "gradient")
        gradient.set_title("Gradient of each layer (norm over root of size)")
        _draw_updates(update, measurements)
        _draw_losses(loss, measurements)
        first = findings[0] if findings else None
        marked = _marked(first, (signal, gradient, update, loss))
        if first is not None and marked is not None:
            for spine in marked.spines.values():
                spine.set(visible=True, color=COLORS[0], linewidth=2)
        words = "No finding" if first is None else f"{first.code}: {first.explanation}"
        color = INK if first is None else COLORS[0]
        figure.suptitle(
            "\n".join(textwrap.wrap(words, 105)), color=color, x=0.01, ha="left", fontsize=11
        )
    return figure


def _marked(finding: Finding | None, axes: tuple[Any, Any, Any, Any]) -> Any:
    """The chart in which a finding can be seen."""
    if finding is None:
        return None
    for place, codes in enumerate((_SIGNALS, _GRADIENTS, _UPDATES)):
        if finding.code in codes:
            return axes[place]
    return axes[3]


def _draw_layers(axes: Axes, m: Measurements, name: str) -> None:
    """One line per probe over the layers, from faint (the start) to dark (the end)."""
    places = list(range(len(m.setting.layers)))
    values = m.of_layers(name)
    if name == "gradient":
        places = m.kernels
        values = values / np.sqrt(np.maximum(np.asarray(m.setting.sizes, float), 1))
    chosen = np.unique(np.linspace(0, len(m.steps) - 1, min(len(m.steps), 6)).astype(int))
    colors = [FAINT, *(COLORS[1],) * (len(chosen) - 2), INK]
    for number, probe in enumerate(chosen):
        alpha = 0.35 + 0.65 * number / max(1, len(chosen) - 1)
        axes.plot(
            _positive(values[probe, places]), "o-", markersize=3.5, alpha=alpha, linewidth=1.3,
            color=colors[number], label=f"step {m.steps[probe]}" if number in (0, len(chosen) - 1)
            else None,
        )  # fmt: skip
    _name_layers(axes, [m.setting.layers[place] for place in places])
    axes.set_yscale("log")
    axes.legend(fontsize=8.5)


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)


def _name_layers(axes: Axes, names: list[str]) -> None:
    step = max(1, -(-len(names) // _MOST_NAMES))
    shown = range(0, len(names), step)
    axes.set_xticks(list(shown), [names[n] for n in shown], rotation=30, ha="right", fontsize=8)


def _draw_updates(axes: Axes, m: Measurements) -> None:
    at = m.steps + 1
    for place in m.kernels:
        axes.plot(at, _positive(m.updates[:, place]), color=FAINT, linewidth=0.8)
    axes.plot(at, _positive(update_ratio(m)), "o-", color=COLORS[1], markersize=3.5, label="median")
    axes.axhline(limit("update"), color=GRAY, linestyle=":", linewidth=1)
    axes.annotate(" rule of thumb", (at[0], limit("update")), fontsize=8, color=GRAY, va="bottom")
    axes.set(xscale="log", yscale="log", xlabel="step")
    axes.set_title("Step over weight (faint: each layer)")
    axes.legend(fontsize=8.5)


def _draw_losses(axes: Axes, m: Measurements) -> None:
    steps = np.arange(1, len(m.losses) + 1)
    finite = np.isfinite(m.losses)
    axes.plot(steps[finite], m.losses[finite], color=FAINT, linewidth=0.7, label="each step")
    for name, color, label in (
        ("loss", COLORS[1], "training"),
        ("val_loss", COLORS[0], "validation"),
    ):
        values = m.history.get(name, np.zeros(0))
        ends = m.setting.steps_per_epoch * np.arange(1, len(values) + 1)
        if len(values):
            axes.plot(ends, values, color=color, linewidth=1.8, label=label)
    if np.isfinite(m.setting.baseline):
        axes.axhline(m.setting.baseline, color=GRAY, linestyle=":", linewidth=1)
        axes.annotate(
            "constant prediction", (steps[-1], m.setting.baseline), fontsize=8, color=GRAY,
            ha="right", va="bottom",
        )  # fmt: skip
    if np.all(m.losses[finite] > 0):
        axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_title("Loss")
    axes.legend(fontsize=8.5)

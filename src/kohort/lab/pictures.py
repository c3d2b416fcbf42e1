"""How the lab draws: lines over a condition, bars of sides, and SVG files whose text stays text."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kohort.engine.member import Floats
from kohort.lab.outcomes import Outcomes
from kohort.lab.part import Part, interval
from kohort.lab.words import Language, Words
from kohort.style import COLORS, GRAY, INK, STYLE, matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kohort.lab.claim import Claim

ERROR = Words("test error, % of rows", "시험 오류율, %")
RMSE = Words("test RMSE / standard deviation", "시험 RMSE / 표준편차")
LEARNING_RATE = Words("learning rate", "학습률")
EPOCH = Words("epoch", "에포크")
BATCH = Words("batch size", "배치 크기")
DEPTH = Words("hidden layers", "은닉층 수")

_SVG = STYLE | {
    "svg.fonttype": "none",  # Browsers have fonts for Korean, matplotlib has none.
    "svg.hashsalt": "kohort",
    "font.family": "sans-serif",
    "font.size": 10.5,
}


def draw(claim: Claim, outcomes: Outcomes, language: Language, path: Path) -> None:
    """Draw a claim's picture into an SVG file.

    Raises
    ------
    KohortError
        If matplotlib is not installed.
    """
    mpl = matplotlib()
    from matplotlib.figure import Figure

    with mpl.rc_context(_SVG), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        figure = Figure(figsize=claim.size, layout="constrained")
        claim.draw(figure, outcomes, language)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "kohort"})


def panels(figure: Figure, count: int, *, share_y: bool = False) -> list[Axes]:
    """Axes of `count` panels side by side."""
    return list(figure.subplots(1, count, squeeze=False, sharey=share_y)[0])


def lines(
    axes: Axes,
    outcomes: Outcomes,
    measure: str,
    table: str,
    sides: Sequence[str],
    *,
    scale: float = 1.0,
    labels: Mapping[str, str] | None = None,
    ratios: bool = False,
) -> None:
    """A line for each side: mean over seeds by condition, with its 95 % interval as a band.

    Of ratios it is the geometric mean, as parts that compare by ratio have it.
    """
    middle = _of_ratios if ratios else interval
    for place, side in enumerate(sides):
        x = [at for at in outcomes.conditions(measure, side) if not isinstance(at, str)]
        found = [(at, outcomes.values(measure, table, side, at)) for at in x]
        known = [(at, middle(scale * values)) for at, values in found if len(values)]
        at, (mean, low, high) = [k for k, _ in known], np.array([i for _, i in known]).T
        color = COLORS[place % len(COLORS)]
        name = (labels or {}).get(side, side)
        axes.plot(at, mean, "o-", color=color, label=name, linewidth=2, markersize=4)
        axes.fill_between(at, low, high, color=color, alpha=0.18, linewidth=0)


def _of_ratios(values: Floats) -> tuple[float, float, float]:
    """Geometric mean and its 95 % interval."""
    mean, low, high = np.exp(interval(np.log(values)))
    return float(mean), float(low), float(high)


def bars(
    axes: Axes,
    groups: Sequence[tuple[str, Floats]],
    *,
    colors: Sequence[str] | None = None,
) -> None:
    """A horizontal bar for each named group of values: mean, 95 % interval, and every seed."""
    for place, (_, values) in enumerate(groups):
        color = colors[place] if colors else COLORS[1]
        mean, low, high = interval(values)
        axes.barh(place, mean, color=color, alpha=0.35)
        axes.plot(values, [place] * len(values), ".", color=color, alpha=0.5, markersize=4)
        axes.plot([low, high], [place, place], color=color, linewidth=2.5)
    axes.set_yticks(range(len(groups)), [name for name, _ in groups])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def effects(
    axes: Axes, outcomes: Outcomes, rows: Sequence[tuple[str, Part]], tables: Sequence[str]
) -> None:
    """A row for each named comparison: a dot and a 95 % interval for each table.

    Effects by ratio are drawn in percent, differences in the measure's unit.
    """
    for place, table in enumerate(tables):
        found = [(part, interval(part.effects(outcomes, table))) for _, part in rows]
        mean, low, high = np.array(
            [100 * np.expm1(one) if part.by == "ratio" else one for part, one in found]
        ).T
        heights = np.arange(len(rows)) + 0.6 * ((place + 0.5) / len(tables) - 0.5)
        axes.hlines(heights, low, high, color=COLORS[place], linewidth=2, alpha=0.6)
        axes.plot(mean, heights, "o", color=COLORS[place], label=table)
    axes.axvline(0, color=GRAY, linewidth=1)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def changes(
    axes: Axes, groups: Sequence[tuple[str, Floats]], ticks: Sequence[float], title: str
) -> None:
    """Bars of ratios, blue where they are below 1 on average and red where above.

    Parameters
    ----------
    axes
    groups
        A name and the logarithms of the ratios, by seed.
    ticks
        Changes in percent; the first and the last one are the ends of the scale and have no label.
    title
    """
    bars(axes, groups, colors=[COLORS[1 if of.mean() < 0 else 0] for _, of in groups])
    axes.axvline(0, color=INK, linewidth=1)
    places = np.log1p(np.asarray(ticks) / 100)
    named = [f"{change:+g}" if change else "0" for change in ticks[1:-1]]
    axes.set_xticks(places[1:-1], named)
    axes.set(title=title, xlim=(places[0], places[-1]))

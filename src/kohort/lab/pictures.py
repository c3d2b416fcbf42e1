"""How the lab draws: lines over a condition, bars of sides, and SVG files whose text stays text.

A picture for a phone is `PHONE` inches wide and has its panels one below the other, so that its
letters are as large as those of the page around it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kohort.engine.member import Floats
from kohort.lab.outcomes import Outcomes
from kohort.lab.part import Part, interval
from kohort.lab.words import Language, Words
from kohort.style import COLORS, GRAY, INK, STYLE, matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kohort.lab.claim import Claim

ERROR = Words("test error, % of rows", "테스트 오류율, %")
RMSE = Words("test RMSE / standard deviation", "테스트 RMSE / 표준편차")
LEARNING_RATE = Words("learning rate", "학습률")
EPOCH = Words("epoch", "에포크")
BATCH = Words("batch size", "배치 크기")
DEPTH = Words("hidden layers", "은닉층 수")

PHONE = 4.0
"""Width of a picture for a phone, in inches."""
_LETTER, _HANGUL = 0.082, 0.14
"""Widths of a letter, in inches."""

_SVG = STYLE | {
    "svg.fonttype": "none",  # Browsers have fonts for Korean, matplotlib has none.
    "font.family": "sans-serif",
    "font.size": 10.5,
}


def draw(
    claim: Claim, outcomes: Outcomes, language: Language, path: Path, *, phone: bool = False
) -> None:
    """Draw a claim's picture into an SVG file.

    Parameters
    ----------
    claim : Claim
    outcomes : Outcomes
    language : "en" or "ko"
    path : path
    phone : bool, default=False
        Whether the panels stand one below the other, `PHONE` inches wide; else the picture has the
        claim's `size`.

    Raises
    ------
    KohortError
        If matplotlib is not installed.
    """
    mpl = matplotlib()
    from matplotlib.figure import Figure

    salt = {"svg.hashsalt": "kohort on a phone" if phone else "kohort"}  # Both stand in one page.
    with mpl.rc_context(_SVG | salt), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        figure = Figure(figsize=(PHONE, PHONE) if phone else claim.size, layout="constrained")
        claim.draw(figure, outcomes, language)
        if phone:
            _fit_phone(figure)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "kohort"})


def _fit_phone(figure: Figure) -> None:
    """Break the lines of labels, and give the figure its height: more for more rows of bars."""
    heights = []
    for axes in figure.axes:
        axes.set_xlabel(_broken(axes.get_xlabel(), PHONE - 1.2))
        rows = axes.get_yticklabels() if axes.yaxis_inverted() else ()
        tall = sum(0.16 + 0.19 * (1 + row.get_text().count("\n")) for row in rows)
        heights.append(1.1 + (tall or 1.4))
    if (places := figure.axes[0].get_gridspec()) is not None:
        places.set_height_ratios(heights)
    legends = [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]
    lines = sum(-(-len(labels) // _columns(labels, PHONE)) for labels in legends)
    figure.set_size_inches(PHONE, sum(heights) + 0.22 * lines)


def _broken(text: str, inches: float) -> str:
    """A text in as many lines as it takes at some width."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _width(longer) > inches:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def _width(text: str) -> float:
    """About how wide a text is in a browser, in inches; matplotlib cannot measure Hangul."""
    return sum(_HANGUL if "가" <= letter <= "힣" else _LETTER for letter in text)


def _columns(labels: Sequence[str], inches: float) -> int:
    """Columns of a legend of some width."""
    return min(len(labels), max(1, int(inches / (max(map(_width, labels)) + 0.6))))


def on_phone(figure: Figure) -> bool:
    """Whether a figure is for a phone."""
    return bool(figure.get_figwidth() <= PHONE)


def panels(figure: Figure, count: int, *, share_y: bool = False) -> list[Axes]:
    """Axes of `count` panels side by side; on a phone, one below the other."""
    return list(grid(figure, 1, count, share_y=share_y)[0])


def grid(figure: Figure, rows: int, columns: int, *, share_y: bool = False) -> NDArray[Any]:
    """Axes of panels, shape (rows, columns); on a phone, one below the other by column.

    Parameters
    ----------
    figure : Figure
    rows, columns : int
        At least 1.
    share_y : bool, default=False
        Whether the panels of a row have one scale.
    """
    if not on_phone(figure):
        sharing: Literal["row", "none"] = "row" if share_y else "none"
        return np.asarray(figure.subplots(rows, columns, squeeze=False, sharey=sharing))
    stacked = figure.subplots(rows * columns, 1, squeeze=False).reshape(columns, rows).T
    for first, *others in stacked if share_y else ():
        for axes in others:
            axes.sharey(first)
    return np.asarray(stacked)


def at_left(axes: Axes) -> bool:
    """Whether a panel stands at the left edge, where labels of the y axis belong."""
    place = axes.get_subplotspec()
    return place is None or place.colspan.start == 0


def label_left(figure: Figure, words: Words, language: Language) -> None:
    """Name the y axes of the panels at the left edge."""
    for axes in figure.axes:
        if at_left(axes):
            axes.set_ylabel(words.of(language))


def label_below(figure: Figure, words: Words, language: Language) -> None:
    """Name the x axis that all panels have in common, in as many lines as it takes."""
    figure.supxlabel(_broken(words.of(language), figure.get_figwidth()), fontsize=10)


def legend_below(figure: Figure, axes: Axes) -> None:
    """A legend below all panels, with the lines of one of them."""
    handles, labels = axes.get_legend_handles_labels()
    columns = _columns(labels, figure.get_figwidth())
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


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
    axes.locator_params(axis="x", nbins=5)
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

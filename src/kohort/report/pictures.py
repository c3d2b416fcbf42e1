"""The picture of a search: its leaderboard and its learning curves."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kohort.deferred import pd
from kohort.report.leaderboard import values_of, varying_parameters
from kohort.report.score_scale import score_scale
from kohort.style import COLORS, FAINT, GRAY, STYLE, matplotlib, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = 20
_HIGHLIGHTED = 3


def draw_search(
    board: pd.DataFrame, curves: pd.DataFrame, path: str | Path, score_name: str = "score"
) -> None:
    """Draw the leaderboard and every learning curve, side by side, into a PNG file.

    Parameters
    ----------
    board : DataFrame
        From `leaderboard`.
    curves : DataFrame
        From `learning_curves`.
    path : str or path
    score_name : str, default="score"
        Label of the scores.

    Raises
    ------
    KohortError
        If matplotlib is not installed.
    """
    mpl = matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = board[np.isfinite(board["mean_score"])]
    scored, near = known.head(_SHOWN), set(known["candidate"][_on_scale(known)])
    with mpl.rc_context(STYLE):
        height = max(4.5, 1.6 + 0.3 * len(scored))
        figure = Figure(figsize=(14, height), dpi=130, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
        _draw_leaderboard(left, scored, len(board), score_name)
        _draw_curves(right, scored, curves, near)
        canvas.print_png(str(path))  # type: ignore[no-untyped-call]


def _labels(board: pd.DataFrame, names: list[str]) -> tuple[str, list[str]]:
    """A header and one line per candidate, as the columns of one text table."""
    columns = []
    for name in names:
        cells = [name.replace("learning_rate", "rate"), *map(short, values_of(board, name))]
        width = max(len(cell) for cell in cells)
        columns.append([cell.rjust(width) for cell in cells])
    lines = ["  ".join(cells) for cells in zip(*columns, strict=True)]
    return (lines[0], lines[1:]) if lines else ("", [""] * len(board))


def _draw_leaderboard(axes: Axes, scored: pd.DataFrame, total: int, score_name: str) -> None:
    folds = [name for name in scored.columns if name.startswith("score_fold_")]
    for place, mean in enumerate(scored["mean_score"]):
        color = COLORS[place] if place < _HIGHLIGHTED else GRAY
        scores = scored.loc[scored.index[place], folds].to_numpy(float)
        ends = [np.nanmin(scores), np.nanmax(scores)]
        axes.plot(ends, [place, place], color=color, alpha=0.25, linewidth=5, solid_capstyle="butt")
        axes.plot(scores, [place] * len(folds), "|", color=color, alpha=0.8, markersize=9)
        axes.plot(mean, place, "o", color=color, markersize=8, markeredgecolor="white")
    header, labels = _labels(scored, varying_parameters(scored))
    axes.set_yticks(range(len(labels)), labels, fontsize=8.5, family="monospace")
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.annotate(
        header,
        (0, 1),
        (-3.5, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        fontsize=8.5,
        family="monospace",
        color=GRAY,
    )
    shown = f"best {len(scored)} of {total}" if len(scored) < total else f"all {total}"
    axes.set_title(f"Leaderboard: {shown} candidates")
    axes.set_xlabel(f"{score_name} (dot: mean over folds, ticks: single folds)")
    _hold(axes, scored[["mean_score", *folds]].to_numpy(float))


def _hold(axes: Axes, scores: NDArray[np.float64]) -> None:
    """Cut off what failures would stretch the axis to; a mark at its end for each candidate there.

    Parameters
    ----------
    axes : Axes
        With a line for each candidate.
    scores : array, shape (candidate, 1 + fold)
        The mean and the scores of the folds.
    """
    scale = score_scale(scores[:, 0], scores[:, 1:])
    if scale is None or not scale.outside:
        return
    gap = 0.06 * ((scale.high - scale.low) or 1.0)
    axes.set_xlim(scale.low - 2 * gap, scale.high + gap)
    for place in np.flatnonzero(scores[:, 0] < scale.low):
        axes.annotate(
            f"\N{BLACK LEFT-POINTING SMALL TRIANGLE} {scores[place, 0]:.2g}", (0, place), (3, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
            fontsize=8.5, color=GRAY,
        )  # fmt: skip


def _on_scale(scored: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each candidate's score lies on the scale on which scores are drawn."""
    means = scored["mean_score"].to_numpy(float)
    scale = score_scale(means, scored.filter(like="score_fold_").to_numpy(float))
    return np.isfinite(means) if scale is None else means >= scale.low


def _draw_curves(axes: Axes, scored: pd.DataFrame, curves: pd.DataFrame, near: Set[int]) -> None:
    """Every learning curve, on a scale for those of the candidates `near` the best."""
    log = "val_loss" if "val_loss" in curves.columns else "loss"
    top = [int(candidate) for candidate in scored["candidate"].head(_HIGHLIGHTED)]
    members = curves[curves["fold"] > 0].groupby(["candidate", "fold"], sort=False)
    named: set[int] = set()
    for (candidate, _), curve in members:
        if candidate not in top:
            axes.plot(curve["epoch"], curve[log], color=FAINT, linewidth=0.7, alpha=0.7, zorder=2)
            continue
        place = top.index(candidate)
        label = None if place in named else f"rank {place + 1}"
        named.add(place)
        style: dict[str, Any] = {"color": COLORS[place], "zorder": 6 - place}
        axes.plot(curve["epoch"], curve[log], linewidth=1.5, alpha=0.9, label=label, **style)
        best = curve[curve["epoch"] == curve["best_epoch"]]
        axes.plot(best["epoch"], best[log], "o", markersize=5, markeredgecolor="white", **style)
    last = max(2, curves["epoch"].max()) if len(curves) else 2
    axes.set_xlim(1, last + 0.015 * (last - 1))
    shown = curves[curves["candidate"].isin(near)] if near else curves
    _scale(axes, shown[log] if log in curves.columns else shown["epoch"])
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation loss" if log == "val_loss" else "training loss")
    axes.set_title(f"Learning curves: {members.ngroups} fits")
    if named:
        handles, labels = axes.get_legend_handles_labels()
        order = np.argsort(labels)
        handles, labels = [handles[i] for i in order], [labels[i] for i in order]
        axes.legend(handles, labels, loc="upper right", title="dot: weights kept")


def _scale(axes: Axes, values: pd.Series[Any]) -> None:
    """A logarithmic axis that a few diverged fits cannot stretch."""
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() <= 0:
        return
    axes.set_yscale("log")
    low, high = float(finite.min()), float(finite.quantile(0.97))
    axes.set_ylim(low / 1.05, max(high, low * 1.1) * 1.05)
    if high / low < 20:
        from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())

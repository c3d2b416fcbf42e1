"""Paired scores of two estimators: the mean difference, its interval, and the conclusion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kohort.deferred import pd
from kohort.engine.member import DIVERGED
from kohort.studies.shown import ShownMixin
from kohort.style import COLORS, FAINT, GRAY, INK, STYLE, matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAILED = "failed"
"""How the status of a fit or score that raised an error begins; the error follows."""


@dataclass(frozen=True, repr=False)
class Comparison(ShownMixin):
    """The measurements of `compare`; `str(comparison)` puts them in words.

    Attributes
    ----------
    table : DataFrame
        A row per seed: `seed`; the scores `estimator` and `other`; `constant`, that of a constant
        prediction; `difference`, other minus estimator; `estimator_status` and `other_status`,
        such as `"finished"`, `"stopped_early"`, `"diverged"` or `"failed: ..."`.
    difference : float
        Mean difference: by how much `other` scores higher.
    interval : (float, float)
        Confidence interval of the mean difference, by Student's t of the paired differences.
    confidence : float
        Of the interval, in (0, 1).
    score_name : str
    """

    table: pd.DataFrame
    difference: float
    interval: tuple[float, float]
    confidence: float
    score_name: str

    @property
    def helped(self) -> bool:
        """Whether the whole interval is above 0: `other` is better."""
        return self.interval[0] > 0

    @property
    def harmed(self) -> bool:
        """Whether the whole interval is below 0: `other` is worse."""
        return self.interval[1] < 0

    def __str__(self) -> str:
        low, high = self.interval
        verdict = "it helped" if self.helped else "no difference is shown"
        direction = "lower" if self.difference < 0 else "higher"
        lost = sum(int(_lost(self.table[f"{name}_status"]).sum()) for name in _NAMES)
        counted = f"; {lost} of {2 * len(self.table)} fits diverged or failed" if lost else ""
        return (
            f"{self.score_name} of `other` is {abs(self.difference):.4g} {direction} than that of "
            f"`estimator` in the mean over {len(self.table)} seeds ({100 * self.confidence:g} % "
            f"interval of the difference {low:+.4g} to {high:+.4g}): "
            f"{'it harmed' if self.harmed else verdict}{counted}."
        )

    def plot(self) -> Any:
        """Draw the scores of each seed, and the differences with their interval.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        KohortError
            If matplotlib is not installed.
        """
        return _drawn(self)


_NAMES = ("estimator", "other")


def compared(table: pd.DataFrame, confidence: float, score_name: str) -> Comparison:
    """The comparison of a table with the scores and statuses of each seed.

    Parameters
    ----------
    table : DataFrame
        Without its column `difference`.
    confidence : float
        In (0, 1).
    score_name : str
    """
    differences = (table["other"] - table["estimator"]).to_numpy(float)
    table = table.assign(difference=differences)
    interval = paired_interval(differences, confidence)
    return Comparison(table, float(differences.mean()), interval, confidence, score_name)


def paired_interval(differences: NDArray[Any], confidence: float = 0.95) -> tuple[float, float]:
    """Confidence interval of the mean of paired differences, by Student's t.

    Parameters
    ----------
    differences : array of float, shape (pair,)
        At least two.
    confidence : float, default=0.95
        In (0, 1).

    Examples
    --------
    >>> low, high = paired_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    count = len(differences)
    error = float(np.std(differences, ddof=1)) / math.sqrt(count)
    reach = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * error
    mean = float(np.mean(differences))
    return mean - reach, mean + reach


def _lost(statuses: pd.Series[Any]) -> Any:
    """Whether each status is that of a fit which counts as a constant prediction."""
    return statuses.eq(DIVERGED) | statuses.str.startswith(FAILED)


def _drawn(comparison: Comparison) -> Any:
    mpl = matplotlib()
    from matplotlib import pyplot

    table = comparison.table
    with mpl.rc_context(STYLE):
        figure, (scores, differences) = pyplot.subplots(
            1, 2, figsize=(9, 3.8), dpi=120, layout="constrained", width_ratios=(1, 1.4)
        )
        _draw_scores(scores, table)
        scores.set_ylabel(comparison.score_name)
        scores.set_title("Score of each seed")
        _draw_differences(differences, comparison)
    return figure


def _draw_scores(axes: Axes, table: pd.DataFrame) -> None:
    pairs = table[list(_NAMES)].to_numpy(float)
    for one, other in pairs:
        color = GRAY if one == other else COLORS[1] if other > one else COLORS[0]
        axes.plot([0, 1], [one, other], color=color, linewidth=1.2, alpha=0.8)
    lost = np.stack([_lost(table[f"{name}_status"]).to_numpy() for name in _NAMES], axis=1)
    for place in (0, 1):
        kept = ~lost[:, place]
        axes.plot(np.full(kept.sum(), place), pairs[kept, place], "o", color=INK, markersize=4)
        marks: dict[str, Any] = {"color": COLORS[0], "markersize": 8, "markeredgewidth": 2}
        label = "diverged or failed" if place == lost.any(axis=0).argmax() else None
        axes.plot(np.full((~kept).sum(), place), pairs[~kept, place], "x", label=label, **marks)
    if lost.any():
        axes.legend(fontsize=8.5)
    axes.set_xticks([0, 1], _NAMES)
    axes.set_xlim(-0.25, 1.25)
    axes.grid(axis="x", visible=False)


def _draw_differences(axes: Axes, comparison: Comparison) -> None:
    values = np.sort(comparison.table["difference"].to_numpy(float))
    low, high = comparison.interval
    axes.axvspan(low, high, color=FAINT, alpha=0.5, linewidth=0)
    axes.axvline(comparison.difference, color=INK, linewidth=1.5)
    axes.axvline(0, color=GRAY, linestyle=":", linewidth=1)
    colors = [COLORS[1] if value > 0 else COLORS[0] if value < 0 else GRAY for value in values]
    axes.scatter(values, range(len(values)), color=colors, s=24, zorder=3)
    axes.set_yticks([])
    percent = f"{100 * comparison.confidence:g} %"
    axes.set_xlabel(f"other - estimator (line: mean, shaded: {percent} interval)")
    verdict = "no difference shown"
    if comparison.helped or comparison.harmed:
        verdict = "it helped" if comparison.helped else "it harmed"
    axes.set_title(f"Difference of each seed: {verdict}")

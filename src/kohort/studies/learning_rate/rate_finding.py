"""Which learning rate: the loss of each step while the rate grows, over several seeds at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.cohort.session import session
from kohort.deferred import pd
from kohort.engine.member import Floats, Member, OnSteps
from kohort.recipe.pacing import SweptPace
from kohort.studies.shown import ShownMixin
from kohort.style import COLORS, FAINT, GRAY, INK, STYLE, matplotlib

SHARE = 20.0
"""A suggestion is the rate at the edge of stability divided by this (docs/learning_rate.md)."""
_RISEN = 0.1
_HALF_LIFE = 0.01
_START = 0.1
_SURE = 5.0
_ROUNDING = 1e-4


@dataclass(frozen=True, repr=False)
class RateFinding(ShownMixin):
    """The measurements and the advice of `find_learning_rate`; `str(finding)` puts them in words.

    Attributes
    ----------
    learning_rate : float or None
        The suggestion: a twentieth of `edge`. None where the curves do not support one.
    band : (float, float) or None
        Lowest and highest suggestion of the seeds one by one, where they have one, and of all.
    edge : float or None
        The rate from which on the loss stays above its lowest level, by a tenth of its fall.
    reason : str
        Where the suggestion comes from, or why there is none.
    curves : DataFrame
        A row per seed and step: `seed`, `step`, `rate`, `loss`, `smoothed`. A seed ends where its
        loss is no longer finite.
    median : DataFrame
        The median over seeds, which the suggestion comes from: `step`, `rate`, `loss`, `smoothed`.
    parameter : str
        The estimator's parameter to set.
    """

    learning_rate: float | None
    band: tuple[float, float] | None
    edge: float | None
    reason: str
    curves: pd.DataFrame
    median: pd.DataFrame
    parameter: str

    def __str__(self) -> str:
        if self.learning_rate is None or self.band is None:
            return f"No suggestion: {self.reason}"
        low, high = self.band
        seeds = self.curves["seed"].nunique()
        return (
            f"Set {self.parameter}={self.learning_rate:.2g} ({low:.2g} to {high:.2g} over {seeds} "
            f"seeds): {self.reason}"
        )

    def plot(self) -> Any:
        """Draw the smoothed loss of each seed and of their median over the rate.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        KohortError
            If matplotlib is not installed.
        """
        return _drawn(self)


def sweep(low: float, high: float, steps: int) -> NDArray[np.float64]:
    """Rates of consecutive steps, each the same multiple of the one before.

    Examples
    --------
    >>> sweep(0.001, 0.1, 3)
    array([0.001, 0.01 , 0.1  ])
    """
    return np.geomspace(low, high, steps)


def losses_of_sweep(members: list[Member], rates: NDArray[np.float64]) -> list[Floats]:
    """Train members as one cohort, each step with its own rate; the loss of each step.

    Parameters
    ----------
    members : list of Member
    rates : array of float, shape (step,)

    Returns
    -------
    list of arrays, shape (step,)
        Shorter where a member diverged.
    """
    heard: list[list[Floats]] = [[] for _ in members]
    session().train(
        [swept(m, rates, _into(parts)) for m, parts in zip(members, heard, strict=True)]
    )
    return [np.concatenate(parts)[: len(rates)] for parts in heard]


def swept(member: Member, rates: NDArray[np.float64], on_steps: OnSteps | None = None) -> Member:
    """The member with these rates alone: no validation, no schedule, no more rows than it needs."""
    batch = member.batch
    chosen = member.train
    if member.size > len(rates) * batch:
        chosen = member.order.epoch(0)[: len(rates) * batch]
    size = len(member.rows.x) if chosen is None else len(chosen)
    epochs = math.ceil(len(rates) / math.ceil(size / batch))
    return replace(
        member, epochs=epochs, stopping=None, pace=SweptPace(member.pace.steady(), rates),
        train=chosen, validation=None, on_epoch=None, first_epoch=0, on_steps=on_steps,
    )  # fmt: skip


def _into(parts: list[Floats]) -> Callable[[int, Floats], None]:
    return lambda first, losses: parts.append(np.array(losses))


def smoothed(losses: Floats, half_life: float) -> NDArray[np.float64]:
    """Exponential moving average without the bias of its start, as in Adam.

    Parameters
    ----------
    losses : array of float, shape (step,)
    half_life : float
        Steps after which a loss counts half, > 0.

    Examples
    --------
    >>> smoothed(np.array([1.0, 1.0, 4.0]), half_life=1.0).round(3)
    array([1.   , 1.   , 2.714])
    """
    keep = 0.5 ** (1 / half_life)
    result, average = np.empty(len(losses)), 0.0
    for step, loss in enumerate(np.asarray(losses, np.float64)):
        average = keep * average + (1 - keep) * loss
        result[step] = average / (1 - keep ** (step + 1))
    return result


def finding(losses: list[Floats], rates: NDArray[np.float64], parameter: str) -> RateFinding:
    """The suggestion that the losses of a sweep support.

    The median over seeds leaves out a batch that one seed happened to find hard. Its smoothed curve
    falls, and rises for good at the edge of stability, which hardly depends on how fast the rate
    grows, where the steepest descent does.

    Parameters
    ----------
    losses : list of arrays, shape (step,)
        One per seed; shorter or not finite from some step on where training diverged.
    rates : array of float, shape (step,)
    parameter : str
    """
    table = np.full((len(losses), len(rates)), np.inf)
    for row, own in zip(table, losses, strict=True):
        finite = _finite(own)
        row[:finite] = own[:finite]
    edge, reason = _edge(np.median(table, axis=0), rates)
    suggestion = None if edge is None else edge / SHARE
    if suggestion is not None and suggestion < rates[0]:
        reason = (
            f"training is unstable from a rate of {edge:.2g} on, and a twentieth of that lies "
            f"below `low`, {rates[0]:.2g}. Lower `low`."
        )
        suggestion = None
    band = None
    if suggestion is not None:
        single = [(_edge(row, rates)[0] or 0.0) / SHARE for row in table]
        found = [suggestion, *(own for own in single if own >= rates[0])]
        band = min(found), max(found)
    half_life = _half_life(len(rates))
    curves = [
        _curve(row, rates, half_life).assign(seed=seed)[
            ["seed", "step", "rate", "loss", "smoothed"]
        ]
        for seed, row in enumerate(table)
    ]
    median = _curve(np.median(table, axis=0), rates, half_life)
    return RateFinding(
        suggestion, band, edge, reason, pd.concat(curves, ignore_index=True), median, parameter
    )


def _finite(losses: Floats) -> int:
    """How many losses come before the first that is not finite."""
    finite = np.isfinite(losses)
    return len(losses) if finite.all() else int(np.argmin(finite))


def _half_life(steps: int) -> float:
    return max(1.0, _HALF_LIFE * steps)


def _curve(losses: Floats, rates: NDArray[np.float64], half_life: float) -> pd.DataFrame:
    count = _finite(losses)
    return pd.DataFrame(
        {
            "step": np.arange(count),
            "rate": rates[:count],
            "loss": losses[:count],
            "smoothed": smoothed(losses[:count], half_life),
        }
    )


def _edge(losses: Floats, rates: NDArray[np.float64]) -> tuple[float | None, str]:
    """The rate from which on the loss stays above its lowest level; why, or why there is none."""
    count, begin = _finite(losses), max(3, round(_START * len(rates)))
    half_life = _half_life(len(rates))
    curve = smoothed(losses[:count], half_life)
    if count <= begin:
        return None, f"the loss is not finite from a rate of {rates[count]:.2g} on. Lower `low`."
    start = float(np.median(curve[:begin]))
    doubt = max(_SURE * _scatter(losses[:begin], half_life), _ROUNDING * abs(start))
    count = _diverged(curve, start, begin, doubt)
    lowest = int(np.argmin(curve[:count]))
    fall = start - curve[lowest]
    if not fall > doubt:
        return None, (
            f"the loss never falls clearly below where it starts, {start:.3g}. Give more steps, a "
            "wider range of rates or larger batches, or look whether the network can learn at all."
        )
    level = curve[lowest] + _RISEN * fall
    after = int(np.flatnonzero(curve[:count] <= level)[-1]) + 1
    if after == len(rates):
        return None, (
            f"the loss has not risen again by the highest rate, {rates[-1]:.2g}. Raise `high`."
        )
    edge = float(rates[after])
    return edge, (
        f"a twentieth of {edge:.2g}, the rate at which the loss, lowest near "
        f"{rates[lowest]:.2g}, rises for good."
    )


def _diverged(curve: Floats, start: float, begin: int, doubt: float) -> int:
    """The step at which the loss has risen above its start by more than it ever fell below it.

    The steps after it are no training: the loss of a network whose units have died may even return.
    """
    fallen = np.maximum(start - np.minimum.accumulate(curve), 0)
    above = np.flatnonzero(curve[begin:] > start + fallen[begin:] + doubt)
    return begin + int(above[0]) if len(above) else len(curve)


def _scatter(losses: Floats, half_life: float) -> float:
    """Standard deviation of a smoothed loss that does not change but for the draw of batches."""
    steps = np.abs(np.diff(losses))
    single = float(np.median(steps)) / (0.6745 * math.sqrt(2))  # Of a normal distribution.
    keep = 0.5 ** (1 / half_life)
    return single * math.sqrt((1 - keep) / (1 + keep))


def _drawn(finding: RateFinding) -> Any:
    mpl = matplotlib()
    from matplotlib import pyplot

    median = finding.median
    with mpl.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(8, 4.2), dpi=120, layout="constrained")
        for seed, curve in finding.curves.groupby("seed"):
            label = "single seeds" if seed == 0 else None
            axes.plot(curve["rate"], curve["smoothed"], color=FAINT, linewidth=1, label=label)
        axes.plot(median["rate"], median["smoothed"], color=INK, linewidth=2, label="median")
        if finding.learning_rate is not None and finding.band is not None:
            label = f"suggestion: {finding.learning_rate:.2g}"
            axes.axvline(finding.learning_rate, color=COLORS[0], linewidth=2, label=label)
            axes.axvspan(*finding.band, color=COLORS[0], alpha=0.15, linewidth=0, label="band")
        if finding.edge is not None:
            label = f"the loss rises for good: {finding.edge:.2g}"
            axes.axvline(finding.edge, color=GRAY, linestyle=":", linewidth=1.5, label=label)
        start = float(median["smoothed"].iloc[0])
        low = float(median["smoothed"].min())
        axes.set_ylim(low - 0.1 * (start - low), start + 0.6 * (start - low) + 1e-9)
        axes.set_xscale("log")
        axes.set_xlabel("learning rate, growing from step to step")
        axes.set_ylabel("training loss, smoothed")
        found = "Learning-rate range test"
        axes.set_title(found if finding.learning_rate is not None else f"{found}: no suggestion")
        axes.legend(fontsize=8.5, loc="upper left")
    return figure

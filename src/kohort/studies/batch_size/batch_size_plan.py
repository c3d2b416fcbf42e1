"""Which batch size: bytes, rows per second and the gradient noise scale, measured and weighed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from kohort.deferred import pd
from kohort.studies.shown import ShownMixin
from kohort.style import COLORS, GRAY, STYLE, matplotlib

_KNEE = 0.9
_WARMUP_FROM = 2.0
_WARMUP_EPOCHS = 5
_NEARLY = 1.05
"""Costs up to this multiple of the least count as equal; the smallest batch among them is taken."""


@dataclass(frozen=True, repr=False)
class BatchSizePlan(ShownMixin):
    """The measurements and the advice of `plan_batch_size`; `str(plan)` puts them in words.

    Attributes
    ----------
    table : DataFrame
        A row per batch size up to the largest that fits: `batch_size`; `tried`, whether it was
        compiled and run, where the others are estimated from their neighbours; `bytes` of one
        member's program and `rows_per_second` of one member; `members` of a cohort over all
        devices, its `cohort_bytes` and `cohort_rows_per_second`; `most_members` that the memory
        holds; `time`, the predicted time to a given loss as a multiple of the best one's.
    batch_size : int
        The recommended one.
    learning_rate : float or None
        The rate that suits it; None where a schedule of the optimizer's own sets the rate.
    rate_factor : float
        That rate as a multiple of the estimator's own.
    warmup : float
        Epochs of warm-up, 0 for none.
    noise_scale : float
        Gradient noise scale in examples; infinity where noise hides the gradient, NaN where there
        are too few rows or there was no time.
    noise_scales : list of float
        The same at several points of a short training; empty where there was no time.
    knee : int
        Batch size beyond which rows per second hardly grow.
    largest : int
        Largest batch size that fits the memory.
    memory : int
        Bytes that the plan was made for.
    device : str
    """

    table: pd.DataFrame
    batch_size: int
    learning_rate: float | None
    rate_factor: float
    warmup: float
    noise_scale: float
    noise_scales: list[float]
    knee: int
    largest: int
    memory: int
    device: str

    def __str__(self) -> str:
        row = self.table.set_index("batch_size").loc[self.batch_size]
        rate = "" if self.learning_rate is None else f", learning_rate={self.learning_rate:.2g}"
        warmup = f" and a warm-up of {self.warmup:g} epochs" if self.warmup else ""
        if not self.noise_scales:
            noise = "there was no time to measure the gradient noise scale (give more seconds)"
        elif math.isfinite(self.noise_scale):
            noise = f"the gradient noise scale is about {self.noise_scale:.0f} examples"
        else:
            noise = "the gradient noise scale is beyond what these rows can show"
        growth = f"rows per second hardly grow beyond a batch of {self.knee}"
        if self.table["tried"].sum() == 1:
            growth = "one size alone does not show how rows per second grow"
        missed = [str(size) for size in self.table["batch_size"][~self.table["tried"]]]
        rest = (
            f"for {', '.join(missed)} there was no time: they are estimated"
            if missed
            else "all were compiled and run"
        )
        return (
            f"Use batch_size={self.batch_size}{rate}{warmup}: {noise}, {growth}, and one "
            f"member takes {row['bytes'] / 2**20:.1f} of {self.memory / 2**20:.0f} MiB on "
            f"{self.device}. The largest that fits is {self.largest}; of "
            f"{len(self.table)} sizes, {rest}."
        )

    def plot(self) -> Any:
        """Draw rows per second, bytes and the predicted time over the batch size.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        KohortError
            If matplotlib is not installed.
        """
        return _drawn(self)


def advised(
    table: pd.DataFrame,
    noise: tuple[float, list[float]],
    reference: tuple[int, float | None],
    adaptive: bool,
    epochs: int,
    memory: int,
    device: str,
) -> BatchSizePlan:
    """The batch size that reaches a given loss soonest, of those in the table.

    Training with a batch of `B` takes `1 + noise / B` times the least number of steps (McCandlish
    et al. 2018, equation 2.11), so its time goes with `(B + noise) / rows per second`. The rate
    goes with `1 / (1 + noise / B)` (equation 2.10), its square root for adaptive optimizers.
    """
    sizes = table["batch_size"].to_numpy(float)
    speed = table["rows_per_second"].to_numpy(float)
    scale = noise[0]
    cost = (sizes + scale) / speed if math.isfinite(scale) else 1 / speed
    table = table.assign(time=cost / cost.min())
    best = int(sizes[np.argmax(cost <= _NEARLY * cost.min())])
    knee = int(sizes[np.argmax(speed >= _KNEE * speed.max())])
    if not math.isfinite(scale):
        best = knee
    if table["tried"].sum() == 1:  # The speeds of all others are guesses from this one.
        best = knee = int(sizes[np.argmax(table["tried"])])
    factor = _rate_factor(best, reference[0], scale) ** (0.5 if adaptive else 1.0)
    rate = None if reference[1] is None else reference[1] * factor
    warmup = float(min(_WARMUP_EPOCHS, epochs // 10)) if factor >= _WARMUP_FROM else 0.0
    return BatchSizePlan(
        table=table,
        batch_size=best,
        learning_rate=rate,
        rate_factor=factor,
        warmup=warmup,
        noise_scale=scale,
        noise_scales=noise[1],
        knee=knee,
        largest=int(sizes[-1]),
        memory=memory,
        device=device,
    )


def _rate_factor(size: int, reference: int, noise: float) -> float:
    if not math.isfinite(noise):
        return size / reference
    return (1 + noise / reference) / (1 + noise / size)


def _drawn(plan: BatchSizePlan) -> Any:
    mpl = matplotlib()
    from matplotlib import pyplot

    table = plan.table
    sizes = table["batch_size"]
    with mpl.rc_context(STYLE):
        figure, (speed, memory, time) = pyplot.subplots(
            1, 3, figsize=(13, 3.8), dpi=120, layout="constrained"
        )
        for axes, single, cohort in (
            (speed, "rows_per_second", "cohort_rows_per_second"),
            (memory, "bytes", "cohort_bytes"),
        ):
            unit = 1e6 if axes is speed else 2**20
            axes.plot(sizes, table[single] / unit, "o-", color=COLORS[1], label="one member")
            most = table["members"].max()
            label = f"cohort of up to {most}"
            axes.plot(sizes, table[cohort] / unit, "o-", color=COLORS[2], label=label)
        speed.set_title("Rows per second, in millions")
        speed.set_ylim(bottom=0)
        speed.axvline(plan.knee, color=GRAY, linestyle=":", linewidth=1)
        speed.annotate(" knee", (plan.knee, 0), fontsize=8.5, va="bottom")
        speed.legend(fontsize=8.5)
        memory.set_title("Memory in MiB")
        memory.set_yscale("log")
        time.plot(sizes, table["time"], "o-", color=COLORS[0])
        time.set_title("Time to a given loss, predicted (best: 1)")
        time.set_yscale("log")
        if math.isfinite(plan.noise_scale) and plan.noise_scale > 0:
            time.axvline(plan.noise_scale, color=GRAY, linestyle=":", linewidth=1)
            at = (plan.noise_scale, time.get_ylim()[1])
            time.annotate(" noise scale", at, fontsize=8.5, va="top")
        for axes in (speed, memory, time):
            axes.axvline(plan.batch_size, color=COLORS[0], alpha=0.25, linewidth=6, zorder=0)
            axes.set_xscale("log", base=2)
            axes.set_xticks(sizes, [str(size) for size in sizes], fontsize=8, rotation=45)
            axes.minorticks_off()
            axes.set_xlabel("batch size (shaded: recommended)")
    return figure

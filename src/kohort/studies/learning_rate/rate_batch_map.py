"""Validation loss over learning rate and batch size: the fits of all cells, their table and map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kohort.cohort.session import session
from kohort.deferred import pd
from kohort.engine.member import DIVERGED, Member, Outcome
from kohort.studies.shown import ShownMixin
from kohort.style import COLORS, FAINT, INK, STYLE, matplotlib


@dataclass(frozen=True, repr=False)
class RateBatchMap(ShownMixin):
    """The measurements of `rate_batch_map`; `str(map)` names the best cell.

    Attributes
    ----------
    table : DataFrame
        A row per cell: `batch_size`, `rate`; `loss`, the median validation loss of the seeds after
        the last epoch, infinite where most diverged; `lowest` and `highest` of the seeds;
        `diverged`, how many did.
    epochs, seeds : int
    parameter : str
        The estimator's parameter that is the rate.
    """

    table: pd.DataFrame
    epochs: int
    seeds: int
    parameter: str

    @property
    def best(self) -> dict[str, Any] | None:
        """Parameters of the cell with the lowest loss, to set; None where all diverged."""
        if np.isinf(self.table["loss"]).all():
            return None
        row = self.table.iloc[int(np.argmin(self.table["loss"]))]
        return {self.parameter: float(row["rate"]), "batch_size": int(row["batch_size"])}

    def __str__(self) -> str:
        lost = int(np.isinf(self.table["loss"]).sum())
        if self.best is None:
            return f"All {lost} cells diverged. Give lower rates."
        rate, size = self.best.values()
        return (
            f"Best of {len(self.table)} cells after {self.epochs} epochs: {self.parameter}="
            f"{rate:.2g}, batch_size={size}, with a validation loss of "
            f"{self.table['loss'].min():.4g}; {lost} cells diverged."
        )

    def plot(self) -> Any:
        """Draw the losses as a heat map; a frame marks the best rate of each batch size.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        KohortError
            If matplotlib is not installed.
        """
        return _drawn(self)


def measured(
    members: dict[int, list[Member]], rates: Sequence[float], parameter: str
) -> RateBatchMap:
    """Train a member for each batch size, rate and seed, all of them as one cohort.

    Parameters
    ----------
    members : dict from int to list of Member
        For each batch size one member per seed, with rows to validate on.
    rates : sequence of float
    parameter : str
    """
    cells = [(size, float(rate)) for size in members for rate in rates]
    fits = [at_rate(member, rate) for size, rate in cells for member in members[size]]
    outcomes = session().train(fits)
    seeds = len(next(iter(members.values())))
    rows = [
        {"batch_size": size, "rate": rate, **_figures(outcomes[seeds * n : seeds * (n + 1)])}
        for n, (size, rate) in enumerate(cells)
    ]
    return RateBatchMap(pd.DataFrame(rows), fits[0].epochs, seeds, parameter)


def at_rate(member: Member, rate: float) -> Member:
    """The member with another learning rate."""
    return replace(member, pace=member.pace.at(rate))


def _figures(outcomes: list[Outcome]) -> dict[str, float]:
    """Losses of one cell."""
    losses = np.array(
        [np.inf if o.status == DIVERGED else o.history["val_loss"][-1] for o in outcomes]
    )
    ordered = np.sort(losses)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return {
        "loss": float(middle.mean()),
        "lowest": float(ordered[0]),
        "highest": float(ordered[-1]),
        "diverged": int(np.isinf(losses).sum()),
    }


def _drawn(found: RateBatchMap) -> Any:
    mpl = matplotlib()
    from matplotlib import pyplot
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    grid = found.table.pivot_table(index="rate", columns="batch_size", values="loss", sort=True)
    values = np.ma.masked_invalid(grid.to_numpy(float))
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        size = 2.2 + 0.85 * grid.shape[1], 1.5 + 0.42 * grid.shape[0]
        figure, axes = pyplot.subplots(figsize=size, dpi=120, layout="constrained")
        axes.set_facecolor(FAINT)
        least = values.min() if values.count() else 1.0
        low, high = least, min(values.max(), 5 * least) if values.count() else 5.0
        shades = axes.imshow(
            values, origin="lower", aspect="auto", cmap="YlGnBu_r", norm=LogNorm(low, high * 1.001)
        )
        for (row, column), loss in np.ndenumerate(grid.to_numpy(float)):
            text = f"{loss:.3g}" if np.isfinite(loss) else "diverged"
            pale = np.isfinite(loss) and loss < np.sqrt(low * high)
            color = "white" if pale else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
        for column in range(grid.shape[1]):
            best = int(np.argmin(grid.to_numpy(float)[:, column]))
            corner = (column - 0.5, best - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=COLORS[0], linewidth=2))
        axes.set_xticks(range(grid.shape[1]), [str(size) for size in grid.columns])
        axes.set_yticks(range(grid.shape[0]), [f"{rate:.2g}" for rate in grid.index])
        axes.set_xlabel("batch size (framed: its best rate)")
        axes.set_ylabel(found.parameter)
        axes.set_title(f"Validation loss after {found.epochs} epochs")
        scale = figure.colorbar(shades, ax=axes, extend="max")
        marks = np.geomspace(low, high, 5)
        scale.set_ticks(marks.tolist(), labels=[f"{mark:.2g}" for mark in marks])
        scale.minorticks_off()
    return figure

"""How many workers: training, reading, and both together, measured and weighed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kohort.arrays import Device
from kohort.data.streams import Stream
from kohort.deferred import pd
from kohort.engine.member import Member, Rows
from kohort.studies.deadline import Deadline
from kohort.studies.shown import ShownMixin
from kohort.studies.throughput import training_speed
from kohort.style import COLORS, GRAY, STYLE, matplotlib

_BUSY = 0.1
"""Share of idle time that counts as busy."""
_BEST = 0.95
"""Share of the best speed that fewer workers must reach to be preferred."""
_SAMPLE = 64
_RESIDENT = 256
_AUGMENTATION = "augmentation"
_TRAINING = "training"


@dataclass(frozen=True, repr=False)
class WorkerPlan(ShownMixin):
    """The measurements and the advice of `plan_workers`; `str(plan)` puts them in words.

    Attributes
    ----------
    table : DataFrame
        A row per number of workers, all in rows per second: `reading` of the workers alone,
        `training` from memory alone, `together` of both at once; and `idle`, the share of the time
        in which training waited for rows.
    batches : DataFrame
        A row per batch size: `training`, rows per second from memory, and `workers`, how many it
        takes to feed that.
    workers : int
        The recommended number, of those that were run.
    idle : float
        Share of the time, in [0, 1], that training waits with this number of workers.
    bottleneck : str
        The part that limits the speed: `"training"`, `"augmentation"`, or the costliest part of
        reading: `"disk"`, `"decode"` or `"resize"` of images; `"read"` or `"scale"` of Parquet.
    costs : dict
        Seconds that each part takes a row.
    batch_size : int
        The one that was planned for.
    changes_at : int or None
        The next larger batch size that takes another number of workers; None if none that was
        tried does.
    unmeasured : list of int
        Numbers of workers for which there was no time.
    """

    table: pd.DataFrame
    batches: pd.DataFrame
    workers: int
    idle: float
    bottleneck: str
    costs: dict[str, float]
    batch_size: int
    changes_at: int | None
    unmeasured: list[int]

    def __str__(self) -> str:
        row = self.table.set_index("workers").loc[self.workers]
        limit = {
            _TRAINING: "training itself is the limit",
            _AUGMENTATION: "training is the limit, and most of it is augmentation",
        }.get(self.bottleneck, f"reading is the limit, and most of it is {self.bottleneck}")
        change = (
            f"a batch of {self.changes_at} takes another number of workers"
            if self.changes_at
            else "no larger batch size that was tried takes another number"
        )
        rest = ""
        if self.unmeasured:
            rest = f" There was no time to try {', '.join(map(str, self.unmeasured))} workers."
        return (
            f"Use workers={self.workers} with batch_size={self.batch_size}: "
            f"{row['together']:.0f} rows per second, and training waits {self.idle:.0%} of the "
            f"time; {limit}; {change}.{rest}"
        )

    def plot(self) -> Any:
        """Draw the speeds over the number of workers, and the cost of a row.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        KohortError
            If matplotlib is not installed.
        """
        return _drawn(self)


def measured_workers(
    member: Member,
    counts: Sequence[int],
    device: Device,
    training: float,
    deadline: Deadline,
    least: int,
) -> tuple[pd.DataFrame, list[int]]:
    """Speeds for numbers of workers, until more of them no longer help or time is used up.

    Parameters
    ----------
    member : Member
        Its rows are a `Stream`.
    counts : sequence of int
        Ascending.
    device : jax.Device
    training : float
        Rows per second from memory.
    deadline : Deadline
        A further number is tried only if that is likely to end in time.
    least : int
        Numbers that are tried in any case.

    Returns
    -------
    DataFrame
    list of int
        The numbers for which there was no time.
    """
    found: list[dict[str, Any]] = []
    longest = 0.0
    for place, workers in enumerate(counts):
        best = max((row["together"] for row in found), default=0.0)
        # One worker reads no faster than the training process's own thread: two are always tried.
        fell = len(found) >= 3 and found[-1]["together"] < _BEST * best
        busy = len(found) >= 2 and found[-1]["idle"] < _BUSY / 2
        if fell or busy:
            break
        if len(found) >= least and not deadline.allows(longest):
            return pd.DataFrame(found), list(counts[place:])
        begin = deadline.left
        x = member.rows.x
        assert isinstance(x, Stream)
        rows = replace(member.rows, x=x.with_workers(workers))
        speed = training_speed(replace(member, rows=rows), 1, [device], _SECONDS)
        found.append(
            {
                "workers": workers,
                "reading": reading_speed(replace(member, rows=rows)),
                "training": training,
                "together": speed.rows_per_second,
                "idle": speed.idle,
            }
        )
        longest = max(longest, begin - deadline.left)
    return pd.DataFrame(found), []


_SECONDS = 1.5
_FOREVER = 10**6


def resident_speed(member: Member, device: Device, seconds: float = _SECONDS / 2) -> float:
    """Rows per second of a member that trains on some of its rows from memory, for some seconds."""
    chosen = np.arange(min(_RESIDENT, len(member.rows.y)))
    weight = None if member.rows.weight is None else member.rows.weight[chosen]
    few = Rows(member.rows.x[chosen], member.rows.y[chosen], weight)
    size = member.batch_size
    many = np.resize(chosen, max(len(chosen), 4 * size))
    resident = replace(member, rows=few, train=many)
    return training_speed(resident, 1, [device], seconds).rows_per_second


def reading_speed(member: Member) -> float:
    """Rows per second that a member's workers read when nothing trains."""
    x = member.rows.x
    assert isinstance(x, Stream)
    out = np.empty((max(1, x.source.part_rows // 4), int(np.prod(x.shape[1:]))), x.dtype)
    reader = x.reader(member.order, 0, _FOREVER)
    try:
        reader.take(out)
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < _SECONDS / 2:
            reader.take(out)
            count += len(out)
        return count / (time.perf_counter() - begin)
    finally:
        reader.close()


def row_costs(member: Member) -> dict[str, float]:
    """Seconds that the parts of reading a row take."""
    x = member.rows.x
    assert isinstance(x, Stream)
    chosen = member.generator(8).permutation(len(x))[:_SAMPLE]
    return x.source.costs(chosen)


def advised_workers(
    table: pd.DataFrame,
    speeds: dict[int, float],
    costs: dict[str, float],
    batch_size: int,
    plain: float | None,
    unmeasured: Sequence[int] = (),
) -> WorkerPlan:
    """The smallest number of workers that keeps training busy, or comes near the best speed.

    Parameters
    ----------
    table : DataFrame
        From `measured_workers`.
    speeds : dict from int to float
        Rows per second from memory, by batch size.
    costs : dict
        From `row_costs`.
    batch_size : int
    plain : float or None
        Rows per second from memory without augmentation; None if there is none.
    unmeasured : sequence of int, default=()
        Numbers of workers for which there was no time.
    """
    together, idle = table["together"].to_numpy(), table["idle"].to_numpy()
    enough = together >= _BEST * together.max()
    place = int(np.argmax(enough))
    workers = int(table["workers"].iloc[place])
    # Speeds of the workers beside training, which takes cores from them on a CPU.
    reach = np.where(idle > _BUSY, together, np.maximum(together, table["reading"].to_numpy()))
    needed = {size: _needed(table["workers"].to_numpy(), reach, s) for size, s in speeds.items()}
    batches = pd.DataFrame(
        {"batch_size": list(speeds), "training": list(speeds.values()), "workers": needed.values()}
    )
    changes = [size for size, count in needed.items()
               if size > batch_size and count != needed[batch_size]]  # fmt: skip
    return WorkerPlan(
        table=table,
        batches=batches,
        workers=workers,
        idle=float(idle[place]),
        bottleneck=_bottleneck(float(idle[place]), costs, speeds[batch_size], plain),
        costs=costs,
        batch_size=batch_size,
        changes_at=min(changes, default=None),
        unmeasured=list(unmeasured),
    )


def _needed(counts: Any, reach: Any, wanted: float) -> int:
    """The smallest number of workers that delivers nine tenths of the wanted speed, or the most."""
    enough = reach >= (1 - _BUSY) * wanted
    return int(counts[np.argmax(enough)] if enough.any() else counts[np.argmax(reach)])


def _bottleneck(idle: float, costs: dict[str, float], speed: float, plain: float | None) -> str:
    if idle > _BUSY:
        return max(costs, key=lambda part: costs[part])
    if plain is not None and plain > 2 * speed:
        return _AUGMENTATION
    return _TRAINING


def _drawn(plan: WorkerPlan) -> Any:
    mpl = matplotlib()
    from matplotlib import pyplot

    table = plan.table
    with mpl.rc_context(STYLE):
        figure, (speed, cost) = pyplot.subplots(
            1, 2, figsize=(11, 3.8), dpi=120, layout="constrained", width_ratios=(2, 1)
        )
        names = [str(count) for count in table["workers"]]
        for column, label, color in (
            ("reading", "reading alone", GRAY),
            ("training", "training from memory", COLORS[1]),
            ("together", "both together", COLORS[0]),
        ):
            speed.plot(names, table[column], "o-", color=color, label=label)
        speed.axvline(str(plan.workers), color=COLORS[0], alpha=0.25, linewidth=6, zorder=0)
        for name, row in zip(names, table.itertuples(), strict=True):
            speed.annotate(f"{row.idle:.0%} idle", (name, row.together), (0, -14), fontsize=8.5,
                           textcoords="offset points", ha="center", color=COLORS[0])  # fmt: skip
        speed.set_ylim(bottom=0)
        speed.set_xlabel("workers (shaded: recommended)")
        speed.set_title("Rows per second")
        speed.legend(fontsize=8.5)
        train = 1 / table["training"].iloc[0]
        parts = {**plan.costs, _TRAINING: train}
        cost.barh(list(parts), [1e3 * value for value in parts.values()], color=COLORS[1])
        cost.invert_yaxis()
        cost.set_title("A row costs, in ms of one core")
    return figure

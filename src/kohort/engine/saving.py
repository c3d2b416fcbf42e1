"""Snapshots of members that train for long: when one is due, and how it is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from kohort.engine.member import PAUSED, Member, Outcome
from kohort.engine.plan import structure_of
from kohort.engine.snapshot import Snapshot

INTERVAL = 60.0
"""Seconds that a member trains between two snapshots."""


@dataclass
class Saving:
    """Keeps snapshots of one member while it trains.

    Attributes
    ----------
    keep : callable
        Receives each snapshot.
    interval : float
        Seconds that must have passed since the training began, or since the last one.
    count : int
        Snapshots so far, with those of the processes before.
    """

    keep: Callable[[Snapshot], None]
    interval: float = INTERVAL
    count: int = 0
    _last: float = 0.0

    def begin(self) -> None:
        """Note that the training begins."""
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time for a snapshot."""
        return time.monotonic() - self._last >= self.interval

    def take(self, snapshot: Snapshot) -> None:
        """Keep a snapshot."""
        self.begin()
        self.count += 1
        self.keep(snapshot)


def as_outcome(snapshot: Snapshot) -> Outcome:
    """A snapshot in the form in which stores keep outcomes: arrays, logs, and a text."""
    best = [] if snapshot.best_row is None else [snapshot.best_row]
    told = {
        "epoch": snapshot.epoch,
        "best": snapshot.best,
        "wait": snapshot.wait,
        "techniques": sorted(snapshot.structure.network.techniques),
    }
    arrays = [snapshot.params, snapshot.state, *best]
    return Outcome(arrays, snapshot.history, PAUSED, snapshot.best_epoch, json.dumps(told))


def snapshot_of(outcome: Outcome, member: Member) -> Snapshot:
    """The snapshot of a member that `as_outcome` has put into this form.

    The decisions of schedules follow from the losses of the epochs so far.
    """
    told = json.loads(outcome.cause)
    structure, history = structure_of(member), outcome.history
    network = structure.network.holding(frozenset(told["techniques"]))
    pacer = member.pace.start()
    for monitored in history.get("val_loss", history["loss"]):
        pacer.end_epoch(monitored)
    assert outcome.weights is not None
    params, state, *best = outcome.weights
    return Snapshot(
        replace(structure, network=network), params, state, best[0] if best else None, history,
        told["epoch"], outcome.best_epoch, told["best"], told["wait"], pacer,
    )  # fmt: skip

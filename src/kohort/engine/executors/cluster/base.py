"""The seam between the engine and a cluster: a cluster runs errands, and brings news of them.

An errand trains some members on some machine. It is handed over once, cannot be spoken to while it
runs, and may die at any moment: what it has reported until then counts.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from kohort.arrays import Floats, Integers
from kohort.engine.member import Outcome, Rows
from kohort.engine.snapshot import Snapshot
from kohort.engine.times import Times
from kohort.networks.base import Reading

Cargo: TypeAlias = "Rows | Integers"
"""Data that many members share, sent to each machine once."""

Handle: TypeAlias = Hashable
"""A cluster's own name for cargo that it keeps."""

Task: TypeAlias = Hashable
"""A cluster's own name for an errand that it runs."""

Heard: TypeAlias = "list[tuple[int, Floats | Reading]]"
"""News for the listeners of a member: the number of a step, and either the losses from that step on
or the reading of a probe at it."""


@dataclass(frozen=True)
class Ending:
    """How a member has ended on another machine.

    Attributes
    ----------
    outcome : Outcome or None
        None where there is an error.
    error : Exception or None
    heard : list
        News that the member's listeners would have received, in order.
    """

    outcome: Outcome | None
    error: Exception | None = None
    heard: Heard = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """News of an errand; members are numbers within it.

    Attributes
    ----------
    begun : tuple of int
        Members that train since the last report.
    logs : mapping from int to dict of lists
        Logs of the epochs since the last report.
    ended : mapping from int to Ending
    times : Times
        Seconds of its threads since the last report, by activity.
    exact : bool
        Whether results are those of the driver's machine, to the last bit. False holds for all that
        the errand reports from then on.
    saved : mapping from int to Snapshot
        From where members would go on.
    """

    begun: tuple[int, ...] = ()
    logs: Mapping[int, Mapping[str, list[float]]] = field(default_factory=dict)
    ended: Mapping[int, Ending] = field(default_factory=dict)
    times: Times = field(default_factory=Times)
    exact: bool = True
    saved: Mapping[int, Snapshot] = field(default_factory=dict)


@dataclass(frozen=True)
class Over:
    """An errand has come to its end, or was called off."""


@dataclass(frozen=True)
class Lost:
    """An errand has died with the process or the machine that ran it.

    Attributes
    ----------
    cause : str
        The known cause, to stand between brackets.
    cargo : bool
        Whether the cluster may have lost cargo of it as well.
    """

    cause: str
    cargo: bool = False


@dataclass(frozen=True)
class Refused:
    """An errand cannot be run, here or elsewhere."""

    error: BaseException


News: TypeAlias = Report | Over | Lost | Refused


@dataclass(frozen=True)
class Terms:
    """The terms of an errand.

    Attributes
    ----------
    versions : str
        Of kohort and JAX in the process that packed it.
    threads : int
        CPU threads.
    kernels : str or None
        Instruction set of the kernels for dense networks; None for none.
    numerics : str
        Compiler and processor, which decide the last bits of results; see `kohort.engine.numerics`.
    interval : float or None
        Seconds that a member trains between two snapshots; None for no snapshots.
    """

    versions: str
    threads: int
    kernels: str | None
    numerics: str
    interval: float | None = None


class Cluster(Protocol):
    """Machines that run errands."""

    @property
    def cores(self) -> int:
        """CPU threads of one errand, >= 1."""
        ...

    @property
    def platform(self) -> str:
        """The device of an errand: `"cpu"`, or the name of an accelerator's kind."""
        ...

    def places(self) -> int:
        """How many errands can run at once now; machines come and go."""
        ...

    def keep(self, cargo: Cargo) -> Handle:
        """Keep cargo for errands until its handle is forgotten."""
        ...

    def launch(self, terms: Terms, parcel: bytes, cargo: Sequence[Handle]) -> Task:
        """Call `kohort.engine.executors.cluster.errand.run` somewhere."""
        ...

    def wait(self, tasks: Collection[Task], seconds: float) -> list[tuple[Task, News]]:
        """News of some errands, in the order of each: soon after there are any, or none."""
        ...

    def call_off(self, task: Task) -> None:
        """End an errand; it may still report."""
        ...

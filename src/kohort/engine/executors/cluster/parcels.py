"""Members as bytes: without tables, which travel once, and listeners, which are told later."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cloudpickle
import numpy as np

from kohort.arrays import Floats
from kohort.engine.executors.cluster.base import Cargo, Heard
from kohort.engine.member import Instrument, Member
from kohort.memo import Memo
from kohort.networks.base import Reading

_MOST_NETWORKS = 256
_SMALL = 16 * 1024
"""Bytes of row numbers below which they travel with their member."""

Key = Hashable


def cargo_of(member: Member) -> dict[Key, Cargo]:
    """The arrays of a member that travel by themselves; equal keys have equal content.

    Examples
    --------
    >>> from kohort.engine.member import Rows
    >>> rows = Rows(np.zeros((3, 2)), np.zeros((3, 1)))
    >>> from types import SimpleNamespace
    >>> list(cargo_of(SimpleNamespace(rows=rows, validation=None, train=None))) == [rows]
    True
    """
    cargo: dict[Key, Cargo] = {member.rows: member.rows}
    if member.validation is not None:
        cargo[member.validation] = member.validation
    if member.train is not None and member.train.nbytes > _SMALL:
        content = np.ascontiguousarray(member.train)
        digest = hashlib.blake2b(content.tobytes(), digest_size=16).digest()
        cargo[content.shape, str(content.dtype), digest] = member.train
    return cargo


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]
    """A pickler that writes a number in the place of each piece of cargo."""

    def __init__(self, file: io.BytesIO, numbers: Mapping[int, int]) -> None:
        super().__init__(file, protocol=5)
        self._numbers = numbers

    def persistent_id(self, value: object) -> int | None:
        """The number of a piece of cargo; None for everything else."""
        return self._numbers.get(id(value))


class _Unpacker(pickle.Unpickler):
    """Puts the cargo back into its places."""

    def __init__(self, file: io.BytesIO, cargo: Sequence[Cargo]) -> None:
        super().__init__(file)
        self._cargo = cargo

    def persistent_load(self, number: int) -> Cargo:
        """The piece of cargo with a number."""
        return self._cargo[number]


@dataclass(frozen=True, eq=False)
class Packed:
    """A member without its listeners.

    Attributes
    ----------
    member : Member
    listened : bool
        Whether anyone wants to hear of its steps.
    """

    member: Member
    listened: bool


def pack(
    members: Sequence[Member], cargo: Sequence[Mapping[Key, Cargo]]
) -> tuple[bytes, dict[Key, Cargo]]:
    """Members without their cargo, as bytes, and the cargo in the order in which `unpack` needs it.

    Parameters
    ----------
    members : sequence of Member
    cargo : sequence of mappings
        Of each member, what `cargo_of` says.
    """
    numbers: dict[int, int] = {}
    places: dict[Key, int] = {}
    pieces: dict[Key, Cargo] = {}
    for own in cargo:
        for key, piece in own.items():
            numbers[id(piece)] = places.setdefault(key, len(places))
            pieces.setdefault(key, piece)
    packed = [
        Packed(replace(member, on_steps=None), member.on_steps is not None) for member in members
    ]
    file = io.BytesIO()
    _Packer(file, numbers).dump(packed)
    return file.getvalue(), pieces


def unpack(parcel: bytes, cargo: Sequence[Cargo]) -> list[Packed]:
    """The members, with their cargo."""
    return list(_Unpacker(io.BytesIO(parcel), cargo).load())


class Notes:
    """Takes down the news for a member's listeners, in their place.

    Parameters
    ----------
    instrument : Instrument or None
        Says which steps are probed.

    Attributes
    ----------
    heard : list
        As in `Ending`.
    """

    def __init__(self, instrument: Instrument | None) -> None:
        self._instrument = instrument
        self.heard: Heard = []

    def next(self, step: int) -> int:
        """Number of the first step from `step` on that shall be probed."""
        assert self._instrument is not None
        return self._instrument.next(step)

    def take(self, step: int, reading: Reading) -> None:
        """Take down the reading of a step."""
        self.heard.append((step, Reading(*(np.array(part) for part in reading))))

    def on_steps(self, first: int, losses: Floats) -> None:
        """Take down the losses of consecutive steps."""
        self.heard.append((first, np.array(losses)))


def listening(packed: Packed) -> tuple[Member, Notes]:
    """A member that has notes taken of it in the place of its listeners, and the notes."""
    member = packed.member
    notes = Notes(member.instrument)
    changes: dict[str, Any] = {}
    if packed.listened:
        changes["on_steps"] = notes.on_steps
    if member.instrument is not None:
        changes["instrument"] = notes
    return replace(member, **changes), notes


def tell(member: Member, heard: Heard) -> None:
    """Tell a member's own listeners the news that was taken down elsewhere."""
    for step, what in heard:
        if isinstance(what, Reading):
            assert member.instrument is not None
            member.instrument.take(step, what)
        else:
            assert member.on_steps is not None
            member.on_steps(step, what)


class Customs:
    """Says which members have to stay where they are, and remembers the networks that need not."""

    def __init__(self) -> None:
        self._networks: Memo[str] = Memo(_MOST_NETWORKS)

    def obstacle(self, member: Member) -> str:
        """Why a member cannot travel, as the end of a sentence; "" if it can."""
        if member.on_epoch is not None:
            return "a callback belongs to this process"
        if any(not table.travels for table in (member.rows, member.validation) if table):
            return "their rows are read from files of this machine"
        network = member.network
        fault = self._networks.get_or_build(network, lambda: _fault("their network", network))
        rest = (member.initial, member.pace, member.stopping, member.instrument)
        return fault or _fault("what they begin with", rest)


def _fault(name: str, value: object) -> str:
    """Why a value cannot be pickled; "" if it can."""
    try:
        cloudpickle.dumps(value)
    except Exception as error:
        return f"{name} cannot be pickled ({type(error).__name__}: {error})"
    return ""

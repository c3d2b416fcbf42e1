"""Members to groups, groups to slots: plain functions on plain data."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable

import numpy as np

from kohort.engine.member import Member
from kohort.engine.structure import Structure

_CHUNK_STEPS = 64
_CHUNK_BYTES = 8 * 1024**2
_CALL_WORK = 10**9
"""Floating-point operations of one call of the kernels."""

# Bytes of parameters that the slots of one program share: more falls out of the fastest cache,
# fewer leave the per-operation overhead of XLA unshared (measured: docs/performance.md).
_SLOT_BYTES = 48 * 1024
MOST_SLOTS = 8
_MOST_ON_ACCELERATOR = 1024


def structure_of(member: Member) -> Structure:
    """Return the structure that separates this member's program from others'."""
    return Structure(
        network=member.network,
        targets=member.rows.y.shape[1],
        batch_size=member.batch,
        dtype=str(member.rows.y.dtype),
        input_dtype=str(member.rows.x.dtype),
    )


def groups(members: Collection[Member]) -> dict[Structure, list[Member]]:
    """Group members whose structures can be joined, under the joined structure.

    A member that goes on stays in the structure that it paused in, whose program its state fits.
    """
    joined: dict[Hashable, Structure] = {}
    begun = [member for member in members if member.resumed is None]
    for member in begun:
        structure = structure_of(member)
        joined[structure.group] = joined.get(structure.group, structure).joined(structure)
    found: dict[Structure, list[Member]] = {}
    for member in members:
        own = structure_of(member) if member.resumed is None else member.resumed.structure
        structure = joined[own.group] if member.resumed is None else own
        found.setdefault(structure, []).append(member)
    return found


def slots_of(structure: Structure, waiting: int, platform: str = "cpu") -> int:
    """Slots of one program, a power of two and never more than the members need.

    On a CPU core two to eight, so that the parameters of all slots stay in its cache; one for
    networks with convolutions. On an accelerator as many as there are members, up to 1,024; its
    memory decides later how many of them fit.
    """
    if platform == "cpu" and structure.network.scratch:
        return 1  # XLA has no fast kernel for convolutions of several members at once.
    most = _MOST_ON_ACCELERATOR
    if platform == "cpu":
        size = max(1, structure.network.parameters * np.dtype(structure.dtype).itemsize)
        most = max(2, min(MOST_SLOTS, round(_SLOT_BYTES / size)))
    return int(2 ** min(int(math.log2(most)), math.ceil(math.log2(max(1, waiting)))))


def chunk_steps(structure: Structure) -> int:
    """Steps that one call of a training program runs at most: few where the batches are large."""
    features = structure.network.features * np.dtype(structure.input_dtype).itemsize
    row = features + structure.targets * np.dtype(structure.dtype).itemsize
    most = int(max(1, _CHUNK_BYTES // (row * structure.batch_size)))  # NumPy's has no bit_length.
    return min(_CHUNK_STEPS, 1 << (most.bit_length() - 1))


def call_steps(structure: Structure) -> int:
    """Steps of a call that gathers its batches itself: whole chunks, some 20 ms of them.

    Fewer would leave what a call costs beside its steps unshared; more would let those wait who
    want to stop the training, or to see how far it is.
    """
    chunk = chunk_steps(structure)
    work = 6 * structure.network.parameters * structure.batch_size * chunk
    return chunk * max(1, _CALL_WORK // max(1, work))


def cost_of(member: Member) -> float:
    """Floating-point operations of a member's whole training, to order the work by."""
    epochs = member.ends - member.begins
    return 6.0 * (member.network.parameters + 500) * member.size * epochs

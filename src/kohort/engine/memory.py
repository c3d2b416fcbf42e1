"""Bytes of a training program, from XLA, before it runs; bytes that a device has free."""

from __future__ import annotations

import os
from pathlib import Path

from kohort.deferred import jax
from kohort.engine.compilers.base import Compiler
from kohort.engine.compilers.current import lent_compiler
from kohort.engine.footprint import Footprint as Footprint
from kohort.engine.structure import Structure


def footprint(
    structure: Structure,
    slots: int,
    device: jax.Device,
    compiler: Compiler | None = None,
    streamed: bool = False,
) -> Footprint:
    """Return the bytes that a training program holds while it runs; compiles it if need be.

    Parameters
    ----------
    structure : Structure
    slots : int
    device : jax.Device
    compiler : Compiler or None, default=None
        None for the one that the session lends.
    streamed : bool, default=False
        Whether the members' features are still in files.
    """
    serving = (compiler or lent_compiler()).serving(structure, device)
    return serving.footprint(structure, slots, device, streamed)


def fitting_slots(
    structure: Structure,
    wanted: int,
    device: jax.Device,
    memory: float,
    compiler: Compiler | None = None,
) -> int:
    """The most slots, `wanted` halved as often as need be, whose program fits into the memory.

    Parameters
    ----------
    structure : Structure
    wanted : int
        >= 1
    device : jax.Device
    memory : float
        Bytes.
    compiler : Compiler or None, default=None
        None for the one that the session lends.

    Returns
    -------
    int
        At least 1, even where that takes more.
    """
    compiler, slots = (compiler or lent_compiler()).serving(structure, device), wanted
    while slots > 1 and compiler.arguments(structure, slots, False) > memory:
        slots = -(-slots // 2)
    while slots > 1 and compiler.footprint(structure, slots, device, False).total > memory:
        slots = -(-slots // 2)
    return slots


def free_on(device: jax.Device) -> int:
    """Bytes that a device can still give."""
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics and "bytes_limit" in statistics:
        return int(statistics["bytes_limit"] - statistics["bytes_in_use"])
    return available_memory()


def available_memory() -> int:
    """Bytes of memory that are free for use, within the limit of a container."""
    free = _free_memory()
    try:
        limit, used = (
            int(Path("/sys/fs/cgroup", name).read_text(encoding="ascii"))
            for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):  # Not Linux, no container, or no limit ("max").
        return free
    return max(1, min(free, limit - used))


def _free_memory() -> int:
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 4 * 1024**3

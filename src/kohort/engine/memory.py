"""Bytes of a training program, from XLA, before it runs; bytes that a device has free."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from kohort.engine.structure import Structure
from kohort.engine.train import empty_chunk, empty_rows, training_program

_RUNTIME = 15 * 1024**2
"""Measured (`python -m benchmarks memory`): 10 to 23 MiB, whatever the batch and the members."""


class Footprint(NamedTuple):
    """Bytes that a training program holds on its device while it runs.

    Attributes
    ----------
    arguments : int
        Parameters, state and a chunk of batches.
    outputs : int
        What is not written over the arguments.
    temporary : int
        Activations, gradients and whatever else XLA keeps within a call; on a CPU also what the
        kernel of the largest convolution keeps, of which XLA's analysis says nothing.
    host : int
        The chunk that the host fills; on a CPU it lies in the same memory.
    runtime : int
        What XLA's library and its kernels take on a CPU when a process runs its first program.
    """

    arguments: int
    outputs: int
    temporary: int
    host: int
    runtime: int

    @property
    def total(self) -> int:
        """All bytes together."""
        return sum(self)


def footprint(structure: Structure, slots: int, device: Any) -> Footprint:
    """Ask XLA's buffer assignment what a program takes; compiles it if need be.

    Parameters
    ----------
    structure : Structure
    slots : int
    device : jax.Device

    Returns
    -------
    Footprint
    """
    chunk = empty_chunk(structure, slots, jax.ShapeDtypeStruct)
    rows = empty_rows(structure, slots, jax.ShapeDtypeStruct)
    sizes = training_program(structure, slots, device, (*rows, chunk)).memory_analysis()
    host, kernels, runtime = 0, 0, 0
    if device.platform == "cpu":
        kernels = structure.network.scratch * np.dtype(structure.dtype).itemsize
        host = sum(leaf.size * leaf.dtype.itemsize for leaf in chunk)
        runtime = _RUNTIME
    return Footprint(
        arguments=int(sizes.argument_size_in_bytes),
        outputs=int(sizes.output_size_in_bytes - sizes.alias_size_in_bytes),
        temporary=int(sizes.temp_size_in_bytes) + kernels,
        host=host,
        runtime=runtime,
    )


def fitting_slots(structure: Structure, wanted: int, device: Any, memory: float) -> int:
    """The most slots, `wanted` halved as often as need be, whose program takes at most so much.

    Parameters
    ----------
    structure : Structure
    wanted : int
        >= 1
    device : jax.Device
    memory : float
        Bytes.

    Returns
    -------
    int
        At least 1, even where that takes more.
    """
    slots = wanted
    while slots > 1 and _arguments(structure, slots) > memory:
        slots = -(-slots // 2)
    while slots > 1 and footprint(structure, slots, device).total > memory:
        slots = -(-slots // 2)
    return slots


def _arguments(structure: Structure, slots: int) -> int:
    """Bytes of a program's arguments, which need no compiling to be known."""
    chunk = empty_chunk(structure, slots, jax.ShapeDtypeStruct)
    leaves = [*empty_rows(structure, slots, jax.ShapeDtypeStruct), *chunk]
    return sum(int(leaf.size) * leaf.dtype.itemsize for leaf in leaves)


def free_on(device: Any) -> int:
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

"""The CPU cores and accelerators of this machine."""

from __future__ import annotations

import os

import jax


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of(threads: int | None) -> list[jax.Device]:
    """One entry per thread that trains: the device that it drives.

    Parameters
    ----------
    threads : int or None
        CPU threads; None for one per core. An accelerator has one thread whatever is asked.
    """
    devices = jax.local_devices()
    if devices[0].platform != "cpu":
        return list(devices)
    count = threads or cores()
    return [devices[i % len(devices)] for i in range(max(count, len(devices)))]

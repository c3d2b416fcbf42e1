"""The CPU cores and accelerators of this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec

from kohort.arrays import Device
from kohort.deferred import jax


@dataclass(frozen=True)
class Core:
    """A core of the CPU, named without asking JAX; says of itself what JAX's devices say."""

    platform: str = "cpu"
    device_kind: str = "cpu"
    id: int = 0


CORE = Core()


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_of(threads: int | None) -> list[Device]:
    """One entry per thread that trains: the device that it drives.

    Parameters
    ----------
    threads : int or None
        CPU threads; None for one per core. An accelerator has one thread whatever is asked.
    """
    if not _accelerated():
        return [CORE] * max(1, threads or cores())
    devices = jax.local_devices()
    if devices[0].platform != "cpu":
        return list(devices)
    count = threads or cores()
    return [devices[i % len(devices)] for i in range(max(count, len(devices)))]


def device_of(device: Device) -> jax.Device:
    """Return JAX's device for a core that was named without asking JAX."""
    return jax.local_devices(backend="cpu")[0] if isinstance(device, Core) else device


def _accelerated() -> bool:
    """Whether JAX may have another device than one CPU: only then is it worth importing it."""
    asked = os.environ.get("JAX_PLATFORMS", "")
    if "host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return True
    if asked:
        return asked != "cpu"
    return _has_plugins()


@cache
def _has_plugins() -> bool:
    """Whether a package is installed by which JAX finds accelerators."""
    return any(find_spec(name) is not None for name in ("jax_plugins", "libtpu")) or bool(
        entry_points(group="jax_plugins")
    )

"""Bytes of a training program, as XLA's buffer assignment tells them before it runs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kohort.deferred import jax
from kohort.engine.structure import Structure
from kohort.engine.train import Chunk

_RUNTIME = 15 * 1024**2
"""Measured (`python -m benchmarks memory`): 10 to 23 MiB, whatever the batch and the members."""


class Footprint(NamedTuple):
    """Bytes that a training program holds on its device while it runs.

    Attributes
    ----------
    arguments : int
        Parameters, state and a chunk of batches.
    outputs : int
        Results that are not written over the arguments.
    temporary : int
        Activations, gradients and whatever else XLA keeps within a call; on a CPU also what the
        kernel of the largest convolution keeps, of which XLA's analysis says nothing.
    host : int
        The chunk that the host fills; on a CPU it lies in the same memory.
    runtime : int
        Memory of XLA's library and kernels on a CPU once a process has run its first program.
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


def footprint_of(sizes: Any, structure: Structure, chunk: Chunk, device: jax.Device) -> Footprint:
    """Return the bytes of a compiled program, from what XLA says of it.

    Parameters
    ----------
    sizes : jaxlib.xla_extension.CompiledMemoryStats
    structure : Structure
    chunk : Chunk
        Shapes and types of what the host fills.
    device : jax.Device
    """
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

"""Programs that XLA compiles: for CPUs and accelerators, for networks of every kind."""

from __future__ import annotations

import platform
from collections.abc import Callable, Hashable
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from kohort.arrays import Array, Device, Floats, HostArray, Integers
from kohort.deferred import jax
from kohort.engine.batches import HostBatches
from kohort.engine.compilers.base import Batches, Judge, Train
from kohort.engine.devices import device_of
from kohort.engine.evaluate import (
    evaluation_function,
    gradient_function,
    prediction_function,
    sampling_function,
)
from kohort.engine.footprint import Footprint, footprint_of
from kohort.engine.probe import probe_function
from kohort.engine.programs import Compiled, compiled
from kohort.engine.resident import placed
from kohort.engine.structure import Structure
from kohort.engine.train import Chunk, StatePacking, empty_chunk, empty_rows, training_function
from kohort.memo import Memo
from kohort.networks.base import DenseChain, Predictor, Reading, Sampler

MOST_PROGRAMS = 256
"""Programs that a compiler keeps. One takes about 90 areas of memory on a CPU, of which Linux
grants a process 65,530; beyond that XLA ends the process.
"""


@cache
def _versions() -> str:
    return f"jax {version('jax')}, jaxlib {version('jaxlib')}"


class XlaCompiler:
    """Compiles a program for each structure; keeps those that were used last.

    Parameters
    ----------
    most : int, default=256
        Programs that it keeps.
    """

    in_turn = False

    def __init__(self, most: int = MOST_PROGRAMS) -> None:
        self._programs: Memo[Compiled] = Memo(most)
        self._packings: Memo[StatePacking] = Memo(most)

    def program(
        self,
        key: Hashable,
        kind: str,
        function: Callable[[], Callable[..., Any]],
        arguments: tuple[Any, ...],
        donate: tuple[int, ...] = (),
        device: Device | None = None,
        lasting: bool = False,
    ) -> Compiled:
        """Return the program for `key`, compiled for the arguments' shapes if there is none yet.

        Parameters
        ----------
        key : hashable
            Equal keys give the same program.
        kind : str
            Purpose of the program, as `compilations` names it.
        function : callable
            Builds the pure function; called only if the program does not exist yet.
        arguments : tuple of pytrees of arrays, or of their shapes and types
        donate : tuple of int
            Arguments whose memory the program may reuse.
        device : jax.Device or None
            Where the program runs; None for JAX's default device.
        lasting : bool, default=False
            Whether equal keys mean equal programs in every process, so that it can be kept.
        """
        place, content = None if device is None else device_of(device), key if lasting else None
        return self._programs.get_or_build(
            (kind, key, device),
            lambda: compiled(kind, function, arguments, donate, place, content),
        )

    def serving(self, structure: Structure, device: Device) -> XlaCompiler:
        return self

    def feed(
        self, structure: Structure, slots: int, device: Device, resident: bool | None
    ) -> HostBatches:
        return HostBatches(structure, slots, device, self, resident)

    def numerics(self, device: Device) -> str:
        settings: Any = jax.config
        precision = settings.jax_default_matmul_precision
        place = f"{device.platform} {device.device_kind} {platform.machine()}"
        return f"XLA, {_versions()}, products {precision}, {place}"

    def knows(self, chain: DenseChain, dtype: str) -> bool:
        return False

    def put(self, array: HostArray, device: Device) -> Array:
        # Until a transfer has ended it holds the host's copy, for the whole of the next call.
        return jax.block_until_ready(jax.device_put(array, device_of(device)))

    def packing(self, structure: Structure) -> StatePacking:
        return self._packings.get_or_build(
            (structure.network, structure.dtype), lambda: StatePacking(structure)
        )

    def train(self, structure: Structure, slots: int, device: Device) -> Train:
        return self.program(
            (structure, slots),
            "train",
            lambda: training_function(structure),
            self._training_arguments(structure, slots),
            donate=(0, 1),
            device=device,
            lasting=True,
        )

    def has_train(self, structure: Structure, slots: int, device: Device) -> bool:
        return self._programs.get(("train", (structure, slots), device)) is not None

    def arguments(self, structure: Structure, slots: int, streamed: bool) -> int:
        params, state, chunk = self._training_arguments(structure, slots)
        return sum(int(leaf.size) * leaf.dtype.itemsize for leaf in (params, state, *chunk))

    def footprint(
        self, structure: Structure, slots: int, device: Device, streamed: bool
    ) -> Footprint:
        """Ask XLA's buffer assignment; compiles the program if need be."""
        program: Any = self.train(structure, slots, device)
        chunk: Chunk = self._training_arguments(structure, slots)[2]
        return footprint_of(program.memory_analysis(), structure, chunk, device)

    def judge(self, structure: Structure, slots: int, device: Device, rows: int) -> Judge:
        network, dtype = structure.network, np.dtype(structure.dtype)
        scalar = jax.ShapeDtypeStruct((), np.int32)
        arguments = (
            jax.ShapeDtypeStruct((slots, network.layout.size), dtype),
            jax.ShapeDtypeStruct((slots,), np.int32),
            scalar,
            (
                jax.ShapeDtypeStruct((rows, network.features), np.dtype(structure.input_dtype)),
                jax.ShapeDtypeStruct((rows, structure.targets), dtype),
                jax.ShapeDtypeStruct((rows,), dtype),
            ),
            scalar,
            jax.ShapeDtypeStruct((slots, network.columns), dtype),
            jax.ShapeDtypeStruct((slots, network.hidden), np.int32),
        )
        return self.program(
            (structure, slots, rows),
            "evaluate",
            lambda: evaluation_function(structure, rows),
            arguments,
            device=device,
            lasting=True,
        )

    def probe(
        self, structure: Structure, device: Device, params: Array, state: Array, steps: Batches
    ) -> Reading:
        arguments = (params, state, steps)
        probes = self.program(
            (structure, len(params)),
            "probe",
            lambda: probe_function(structure),
            arguments,
            device=device,
            lasting=True,
        )
        return Reading(*(np.asarray(array) for array in probes(*arguments)))

    def predict(
        self,
        network: Predictor,
        params: Floats,
        x: HostArray,
        read: Integers,
        real: Integers,
        numbers: Floats,
        units: Integers,
    ) -> Array:
        tables: list[Any] = jax.device_put(list(x))
        program = self.program(
            (network, x.shape[1], str(x.dtype), str(params.dtype)),
            "predict",
            lambda: prediction_function(network, x.shape[1]),
            (params[0], tables[0], real, numbers[0], units[0]),
            lasting=True,
        )
        members = zip(params, read, numbers, units, strict=True)
        return np.stack([program(own, tables[at], real, *rest) for own, at, *rest in members])

    def sample(
        self,
        network: Sampler,
        samples: int,
        params: Floats,
        x: HostArray,
        real: Integers,
        numbers: Floats,
        units: Integers,
        seed: Integers,
        position: Integers,
    ) -> Array:
        arguments = (params, x, real, numbers, units, seed, position)
        program = self.program(
            (network, len(x), str(x.dtype), samples),
            "sample",
            lambda: sampling_function(network, len(x), samples),
            arguments,
            lasting=True,
        )
        outputs: Array = program(*arguments)
        return outputs

    def squared_norms(
        self, structure: Structure, size: int, *arguments: HostArray
    ) -> tuple[float, float]:
        program = self.program(
            (structure, size, arguments[1].shape),
            "gradient",
            lambda: gradient_function(structure, size),
            arguments,
            lasting=True,
        )
        small, big = program(*arguments)
        return float(small), float(big)

    def gather(
        self,
        device: Device,
        gathered: Array,
        mine: HostArray,
        table: Array,
        orders: HostArray,
    ) -> Array:
        arguments = (gathered, mine, table, orders)
        place = self.program(
            (gathered.shape, str(gathered.dtype), len(table)),
            "gather",
            lambda: placed,
            arguments,
            donate=(0,),
            device=device,
            lasting=True,
        )
        result: Array = place(*arguments)
        return result

    def _training_arguments(
        self, structure: Structure, slots: int
    ) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct, Chunk]:
        """Shapes and types of a training program's arguments."""
        size = self.packing(structure).size
        params, state = empty_rows(structure, slots, size, jax.ShapeDtypeStruct)
        return params, state, empty_chunk(structure, slots, jax.ShapeDtypeStruct)

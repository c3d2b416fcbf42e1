"""The compiler that compiles nothing: kernels in C++ to which a dense network is data.

They serve `DenseChain`s on a CPU; XLA serves everything else, in the same search. Depth, widths,
activation, loss, optimizer and techniques are arguments of one build (`src/native`), which holds a
variant for each instruction set and takes the best that the processor has. `KOHORT_NATIVE` names
another one (`baseline`, `avx2`, `avx512`), or `off`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from kohort.arrays import Array, Device, Floats, HostArray, Integers
from kohort.engine.compilers.base import Batches, Compiler, Judge, Packing, Train
from kohort.engine.compilers.chain_program import StateRow, lacks, program_fields
from kohort.engine.draws import Draw, TableDraws
from kohort.engine.footprint import Footprint
from kohort.engine.structure import Structure
from kohort.engine.train import empty_chunk, empty_rows
from kohort.errors import ParameterError, explain
from kohort.memo import Memo
from kohort.networks.base import BLOCK, ChainMetric, DenseChain, Predictor, Reading, Sampler

_DTYPES = ("float32", "float64")
_BYTES = "uint8"
_MODULE = "kohort._native"
VARIABLE, OFF = "KOHORT_NATIVE", "off"


def library() -> ModuleType | None:
    """Return the module of the kernels, or None where it was not built."""
    try:
        return import_module(_MODULE)
    except ImportError:
        return None


def absence() -> str:
    """Why there are no kernels, as the end of a sentence about them; empty if there are."""
    if find_spec(_MODULE) is None:
        return "were not built"
    try:
        import_module(_MODULE)
    except ImportError as error:
        return f"cannot be loaded ({error})"
    return ""


def instruction_sets() -> list[str]:
    """Names of the kernels' variants that this processor can run, the best first."""
    kernels = library()
    return [] if kernels is None else list(kernels.instruction_sets())


def instruction_set() -> str | None:
    """The variant that `KOHORT_NATIVE` asks for, or the best; None where XLA shall serve all.

    Raises
    ------
    ParameterError
        If `KOHORT_NATIVE` names a variant that this processor cannot run.
    """
    known, wanted = instruction_sets(), os.environ.get(VARIABLE, "").lower()
    if wanted == OFF or not known:
        return None
    if wanted and wanted not in known:
        choice = ", ".join([*known, OFF])
        raise ParameterError(
            explain(f"the environment variable {VARIABLE}", f"one of {choice}", wanted)
        )
    return wanted or known[0]


class NativeCompiler:
    """Kernels for dense networks on a CPU, and another compiler for everything else.

    Parameters
    ----------
    other : Compiler
        Serves what the kernels do not.
    variant : str or None
        One of `instruction_sets()`; None lets the other serve everything.
    most : int, default=4096
        Networks whose description it keeps.
    """

    in_turn = True

    def __init__(self, other: Compiler, variant: str | None, most: int = 4096) -> None:
        self._other, self._variant = other, variant
        self._programs: Memo[Any] = Memo(most)

    def knows(self, chain: DenseChain, dtype: str) -> bool:
        return self._knows(chain, dtype, dtype)

    def serves(self, structure: Structure, device: Device) -> bool:
        """Whether the kernels train members of a structure on a device."""
        return device.platform == "cpu" and self._knows(
            structure.network.dense, structure.dtype, structure.input_dtype
        )

    def serving(self, structure: Structure, device: Device) -> Compiler:
        return self if self.serves(structure, device) else self._other.serving(structure, device)

    def feed(
        self, structure: Structure, slots: int, device: Device, resident: bool | None
    ) -> TableDraws:
        return TableDraws(structure, slots)

    def numerics(self, device: Device) -> str:
        return f"kernels {self._variant}"

    def put(self, array: HostArray, device: Device) -> Array:
        return array

    def packing(self, structure: Structure) -> Packing:
        network = structure.network
        assert network.dense is not None
        return StateRow.of(
            network.dense, network.layout.shapes[: network.trainable], structure.dtype
        )

    def has_train(self, structure: Structure, slots: int, device: Device) -> bool:
        return True

    def train(self, structure: Structure, slots: int, device: Device) -> Train:
        program = self._program(structure)
        metrics = self._chain(structure).metrics if structure.network.metrics else ()
        places = [metric.place for metric in metrics]

        def advance(params: Floats, state: Floats, draws: Mapping[int, Draw]) -> tuple[Floats, ...]:
            steps = max((len(draw.pace) for draw in draws.values()), default=0)
            losses = np.zeros((len(params), steps), params.dtype)
            for slot, draw in draws.items():
                own = state[slot] if state.size else state[:0].reshape(-1)
                program.train(params[slot], own, *draw, losses[slot, : len(draw.pace)])
            totals = params[:, places], params[:, [place + 1 for place in places]]
            return params, state, losses, _means(metrics, *totals)

        return advance  # type: ignore[return-value]

    def arguments(self, structure: Structure, slots: int, streamed: bool) -> int:
        """Count the bytes of a call beside the tables; features only if they come from files."""
        chunk, rows = empty_chunk(structure, slots), self._rows(structure, slots)
        drawn = chunk if streamed else (chunk.pace, chunk.numbers, chunk.units)
        return sum(array.nbytes for array in (*rows, *drawn))

    def footprint(
        self, structure: Structure, slots: int, device: Device, streamed: bool
    ) -> Footprint:
        """Count the kernels' bytes: members work in turn, in memory that their thread keeps.

        Outputs are the members' variables as they are handed out.
        """
        return Footprint(
            arguments=self.arguments(structure, slots, streamed),
            outputs=self._rows(structure, slots)[0].nbytes,
            temporary=self._program(structure).memory(),
            host=0,
            runtime=0,
        )

    def judge(self, structure: Structure, slots: int, device: Device, rows: int) -> Judge:
        metrics = self._chain(structure).metrics
        programs: dict[np.dtype[Any], Any] = {}

        def judged(
            params: Floats,
            ids: Integers,
            count: Integers,
            table: tuple[HostArray, HostArray, HostArray],
            real: Integers,
            numbers: Floats,
            units: Integers,
        ) -> Floats:
            features = table[0].dtype
            if features not in programs:
                programs[features] = self._program(structure, str(features))
            program = programs[features]
            sums = np.zeros((len(params), 2 + 2 * len(metrics)), params.dtype)
            for slot in ids[: int(count)]:
                own = numbers[slot], units[slot], sums[slot]
                program.judge(params[slot], *table, int(real), *own)
            loss = sums[:, :1] / params.dtype.type(real) + sums[:, 1:2]
            return np.hstack([loss, _means(metrics, sums[:, 2::2], sums[:, 3::2])])

        return judged

    def probe(
        self, structure: Structure, device: Device, params: Array, state: Array, steps: Batches
    ) -> Reading:
        """Let the other look: the arrays lie as its own do."""
        return self._other.probe(structure, device, params, state, steps)

    def _rows(self, structure: Structure, slots: int) -> tuple[Floats, Floats]:
        """Parameters and state of free slots."""
        return empty_rows(structure, slots, self.packing(structure).size)

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
        program = self._predictor(network, params, x)
        if program is None:
            return self._other.predict(network, params, x, read, real, numbers, units)
        outputs = np.zeros((len(params), x.shape[1], network.outputs), params.dtype)
        for member, table in enumerate(read):
            own = numbers[member], units[member], outputs[member]
            program.predict(params[member], x[table], int(real), *own)
        return outputs

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
        program = self._predictor(network, params, x)
        if program is None:
            arguments = (params, x, real, numbers, units, seed, position)
            return self._other.sample(network, samples, *arguments)
        outputs = np.zeros((samples, len(x), network.outputs), params.dtype)
        block = min(BLOCK, len(x))
        program.sample(params, x, numbers, units, int(seed), int(position), block, outputs)
        return outputs

    def squared_norms(
        self, structure: Structure, size: int, *arguments: HostArray
    ) -> tuple[float, float]:
        return self._other.squared_norms(structure, size, *arguments)

    def _knows(self, chain: DenseChain | None, dtype: str, features: str) -> bool:
        return (
            self._variant is not None
            and chain is not None
            and dtype in _DTYPES
            and features in (dtype, _BYTES)
            and not lacks(chain)
        )

    def _predictor(self, network: Predictor | Sampler, params: Floats, x: HostArray) -> Any:
        """The program of a network outside training, or None where the other serves it."""
        dtype, features = str(params.dtype), str(x.dtype)
        if not self._knows(network.dense, dtype, features):
            return None
        return self._built(network.dense, (), dtype, features, BLOCK, network.outputs)

    def _program(self, structure: Structure, features: str = "") -> Any:
        """The program of a structure, for features of a type; "" for those that it trains on."""
        network = structure.network
        types = structure.dtype, features or structure.input_dtype
        trained = network.layout.shapes[: network.trainable]
        return self._built(network.dense, trained, *types, structure.batch_size, structure.targets)

    @staticmethod
    def _chain(structure: Structure) -> DenseChain:
        chain = structure.network.dense
        assert chain is not None
        return chain

    def _built(
        self,
        chain: DenseChain | None,
        trained: tuple[tuple[int, ...], ...],
        dtype: str,
        features: str,
        batch: int,
        targets: int,
    ) -> Any:
        assert chain is not None

        def build() -> Any:
            kernels = library()
            assert kernels is not None
            return kernels.Program(
                **program_fields(chain, trained, dtype),
                batch=batch,
                targets=targets,
                bytes=features == _BYTES,
                twice=dtype == "float64",
                instruction_set=self._variant,
            )

        return self._programs.get_or_build((chain, trained, dtype, features, batch, targets), build)


def _means(metrics: Sequence[ChainMetric], totals: Floats, counts: Floats) -> Floats:
    """The values of metrics, shape (slot, metric); 0 if no row counts, as in Keras."""
    means = np.divide(totals, counts, out=np.zeros_like(totals), where=counts != 0)
    for column, metric in enumerate(metrics):
        if metric.name == "rmse":
            means[:, column] = np.sqrt(means[:, column])
    return means

"""The compiler that compiles nothing: kernels in C++ to which a dense network is data.

They serve `DenseChain`s on a CPU; XLA serves everything else, in the same search. Depth, widths,
activation, loss, optimizer and techniques are arguments of one build (`src/native`), which holds a
variant for each instruction set and takes the best that the processor has. `KOHORT_NATIVE` names
another one (`baseline`, `avx2`, `avx512`), or `off`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from kohort.arrays import Array, Device, Floats, HostArray, Integers
from kohort.engine.compilers.base import Batches, Compiler, Judge, Packing, Train
from kohort.engine.draws import Draw, TableDraws
from kohort.engine.footprint import Footprint
from kohort.engine.structure import Structure
from kohort.engine.train import empty_chunk, empty_rows
from kohort.errors import ParameterError, explain
from kohort.memo import Memo
from kohort.networks.base import BLOCK, DenseChain, Predictor, Reading, Sampler

# Each list is in the order of the enumeration of the same name in src/native/spec.hpp.
ACTIVATIONS = (
    "relu", "leaky_relu", "prelu", "elu", "selu", "softplus", "silu", "swish", "gelu", "gelu_tanh",
    "mish", "tanh", "sigmoid", "softsign", "hard_sigmoid", "relu6", "celu", "hard_silu",
    "hard_swish", "exponential", "linear",
)  # fmt: skip
NORMS = ("none", "batch_before", "batch_after", "layer_before", "layer_after")
LOSSES = (
    "mse", "mae", "huber", "log_cosh", "quantile", "poisson", "binary_crossentropy",
    "sparse_categorical_crossentropy", "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
)  # fmt: skip
FAMILIES = (
    "sgd", "momentum", "rmsprop", "adam", "adamax", "nadam", "adagrad", "adadelta", "lion",
)  # fmt: skip
USES = (
    "label_smoothing", "weight_decay", "clipvalue", "clipnorm", "global_clipnorm", "averaging",
    "freezing", "l1", "l2", "max_norm", "dropout", "input_dropout", "alpha_dropout",
    "gaussian_noise", "amsgrad", "centered", "momentum",
)  # fmt: skip
NUMBERS = (
    "activation_alpha", "batch_norm_momentum", "norm_epsilon", "huber_delta", "quantile",
    "label_smoothing", "focal_gamma", "nesterov", "amsgrad", "centered", "weight_decay", "beta_2",
    "gain_2", "rho", "gain_rho", "epsilon", "ema_momentum", "averaged", "clipvalue", "clipnorm",
    "global_clipnorm", "l1", "l2", "max_norm", "dropout", "input_dropout", "alpha_dropout",
    "gaussian_noise",
)  # fmt: skip

_SCALARS = {"adam": 1, "adamax": 1, "nadam": 2}
"""Numbers that a state begins with: the step, and Nadam's product of momenta."""

_TREES = {
    "sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2, "adamax": 2, "nadam": 2, "adagrad": 1,
    "adadelta": 2, "lion": 1,
}  # fmt: skip
"""Arrays of the trained variables' size that a state holds, beside those of options."""

_OPTIONS = {"rmsprop": ("momentum", "centered"), "adam": ("amsgrad",)}
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


def lacks(chain: DenseChain) -> str:
    """What the kernels have no code for, as a word for a table; empty if nothing."""
    for name, known in (
        (chain.activation, ACTIVATIONS), (chain.norm, NORMS), (chain.loss, LOSSES),
        (chain.family, FAMILIES), *((use, USES) for use in sorted(chain.uses)),
    ):  # fmt: skip
        if name not in known:
            return name
    return next((name for name in NUMBERS if name not in chain.numbers), "")


@dataclass(frozen=True)
class StateRow:
    """A member's optimizer state and averages as one row, as XLA's programs have it.

    Attributes
    ----------
    size : int
    averaged : int
        How many of the last entries are averaged weights.
    initial : array, shape (size,)
    """

    size: int
    averaged: int
    initial: Floats

    @classmethod
    def of(cls, structure: Structure, chain: DenseChain) -> StateRow:
        """Return the row of a structure whose network is a chain."""
        network = structure.network
        trained = sum(int(np.prod(s)) for s in network.layout.shapes[: network.trainable])
        options = [name for name in _OPTIONS.get(chain.family, ()) if name in chain.uses]
        trees = _TREES[chain.family] + len(options)
        scalars = _SCALARS.get(chain.family, 0)
        averaged = trained if "averaging" in chain.uses else 0
        initial = np.zeros(scalars + trees * trained + averaged, np.dtype(structure.dtype))
        if chain.family == "nadam":
            initial[1] = 1
        if chain.family == "adagrad":
            initial[:trained] = 0.1
        return cls(len(initial), averaged, initial)


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
        chain = structure.network.dense
        assert chain is not None
        return StateRow.of(structure, chain)

    def has_train(self, structure: Structure, slots: int, device: Device) -> bool:
        return True

    def train(self, structure: Structure, slots: int, device: Device) -> Train:
        program = self._program(structure)

        def advance(params: Floats, state: Floats, draws: Mapping[int, Draw]) -> tuple[Floats, ...]:
            steps = max((len(draw.pace) for draw in draws.values()), default=0)
            losses = np.zeros((len(params), steps), params.dtype)
            for slot, draw in draws.items():
                own = state[slot] if state.size else state[:0].reshape(-1)
                program.train(params[slot], own, *draw, losses[slot, : len(draw.pace)])
            return params, state, losses, np.zeros((len(params), 0), params.dtype)

        return advance  # type: ignore[return-value]

    def arguments(self, structure: Structure, slots: int, streamed: bool) -> int:
        """Count what a call takes beside the tables; features only where they come from files."""
        chunk, rows = empty_chunk(structure, slots), self._rows(structure, slots)
        drawn = chunk if streamed else (chunk.pace, chunk.numbers, chunk.units)
        return sum(array.nbytes for array in (*rows, *drawn))

    def footprint(
        self, structure: Structure, slots: int, device: Device, streamed: bool
    ) -> Footprint:
        """Count what the kernels take: members work in turn, in memory that their thread keeps.

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
        logs = len(structure.network.logs)
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
            sums = np.zeros((len(params), 3), params.dtype)
            for slot in ids[: int(count)]:
                own = numbers[slot], units[slot], sums[slot]
                program.judge(params[slot], *table, int(real), *own)
            means = sums[:, :2] / params.dtype.type(real)
            means[:, 0] += sums[:, 2]
            return means[:, :logs]

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
        real: Integers,
        numbers: Floats,
        units: Integers,
    ) -> Array:
        program = self._predictor(network, params, x)
        if program is None:
            return self._other.predict(network, params, x, real, numbers, units)
        outputs = np.zeros((len(x), network.outputs), params.dtype)
        program.predict(params, x, int(real), numbers, units, outputs)
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
        return self._built(network.dense, dtype, features, BLOCK, network.outputs)

    def _program(self, structure: Structure, features: str = "") -> Any:
        """The program of a structure, for features of a type; "" for those that it trains on."""
        types = structure.dtype, features or structure.input_dtype
        return self._built(structure.network.dense, *types, structure.batch_size, structure.targets)

    def _built(
        self, chain: DenseChain | None, dtype: str, features: str, batch: int, targets: int
    ) -> Any:
        assert chain is not None
        kernels = library()
        assert kernels is not None
        return self._programs.get_or_build(
            (chain, dtype, features, batch, targets),
            lambda: kernels.Program(
                features=chain.features,
                outputs=chain.outputs,
                widths=list(chain.widths),
                activation=ACTIVATIONS.index(chain.activation),
                norm=NORMS.index(chain.norm),
                loss=LOSSES.index(chain.loss),
                family=FAMILIES.index(chain.family),
                uses=sum(1 << USES.index(use) for use in chain.uses),
                batch=batch,
                targets=targets,
                column=[chain.numbers.index(name) for name in NUMBERS],
                columns=len(chain.numbers),
                bytes=features == _BYTES,
                twice=dtype == "float64",
                instruction_set=self._variant,
            ),
        )

"""From a compiled Keras model to a `TracedModel`, and to the numbers and arrays of this one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kohort.deferred import jax
from kohort.memo import Memo
from kohort.networks.base import BLOCK
from kohort.networks.lifted.chain import resolved
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.functions import Functions
from kohort.networks.lifted.lifting import Program, lift
from kohort.networks.lifted.probing import ProbedFunctions
from kohort.networks.lifted.signature import signature
from kohort.networks.lifted.traced import Part, TracedModel

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Tracing:
    """A model's network, its own numbers, the arrays that its functions closed over, its widths."""

    network: TracedModel
    numbers: tuple[float, ...]
    arrays: list[NDArray[Any]]
    units: tuple[int, ...]


def trace(
    model: keras.Model,
    x: Columns,
    y: Columns,
    batch_size: int,
    probed: bool = False,
    traces: Memo[Any] | None = None,
) -> Tracing:
    """Trace a compiled and built Keras model with its numbers lifted out.

    Parameters
    ----------
    model : keras.Model
    x, y : Columns
        How flat rows hold its inputs and its targets.
    batch_size : int
    probed : bool
        Whether the network can be probed.
    traces : Memo or None, default=None
        Where equal models and equal networks are remembered; None remembers nothing.

    Returns
    -------
    Tracing
    """
    traces = Memo(1) if traces is None else traces
    text = signature(model)
    key = None if text is None else (text, x, y, batch_size, probed)
    known: Tracing | None = None if key is None else traces.get(key)
    if known is not None:
        return known
    kind = ProbedFunctions if probed else Functions
    tracing = _trace(kind(model, x, y, batch_size), traces)
    if key is not None and not tracing.arrays:  # Arrays are this model's own.
        found: Tracing = traces.get_or_build(key, lambda: tracing)
        return found
    return tracing


def _trace(functions: Functions, traces: Memo[Any]) -> Tracing:
    lifted = {kind: lift(*call) for kind, call in _calls(functions).items()}
    carried = len(functions.variables.carried)
    arrays = [array for _, _, held in lifted.values() for array in held]
    numbers = tuple(number for _, found, _ in lifted.values() for number in found)
    shapes = (*functions.templates, *(array.shape for array in arrays))
    names = tuple(functions.logs(functions.initial_metrics()))
    network = _network(functions, {k: p for k, (p, _, _) in lifted.items()}, lifted, shapes, names)
    assert network.carried == carried
    network = traces.get_or_build(("network", network.digest), lambda: network)
    units = tuple(layer.units for layer in functions.hidden)
    return Tracing(network, numbers, arrays, units)


def _calls(functions: Functions) -> dict[str, tuple[Any, ...]]:
    """Each function with the shapes of its arguments."""
    dtype = np.dtype(functions.dtype)

    def like(*shape: int, kind: Any = dtype) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, kind)

    state = [like(*resolved(t, functions.widths)) for t in functions.templates]
    units = like(len(functions.hidden), kind=np.int32)
    columns = functions.x.width, functions.y.width

    def rows(count: int) -> list[jax.ShapeDtypeStruct]:
        return [like(count, columns[0]), like(count, columns[1]), like(count)]

    integer, judged = like(kind=np.int32), like(functions.judged_rows, kind=np.bool_)
    seed = like(kind=np.uint32)
    batch = rows(functions.batch_size)
    calls: dict[str, tuple[Any, ...]] = {
        "step": (functions.step, state, *batch, integer, like(), like(), seed, integer, units),
        "judge": (functions.judge, state, *rows(functions.judged_rows), judged, units),
        "predict": (functions.predict, state, like(BLOCK, columns[0]), units),
        "reset": (functions.reset, state),
    }
    if functions.variables.metrics:
        calls["results"] = (functions.results, state)
    if isinstance(functions, ProbedFunctions):
        calls["probe"] = (functions.probe, *calls["step"][1:])
    return calls


def _network(
    functions: Functions,
    programs: dict[str, Program],
    lifted: dict[str, tuple[Program, list[float], list[Any]]],
    shapes: tuple[tuple[int, ...], ...],
    names: tuple[str, ...],
) -> TracedModel:
    """The structure."""
    variables = functions.variables
    parts, column, start = {}, 0, len(variables.carried)
    for kind, (program, numbers, arrays) in lifted.items():
        parts[kind] = Part(program, column, (start, start + len(arrays)))
        column, start = column + len(numbers), start + len(arrays)
    outputs = jax.eval_shape(functions.predict, *_calls(functions)["predict"][1:]).shape[1]
    layers = functions.told if isinstance(functions, ProbedFunctions) else ()
    text = [*(p.digest for p in programs.values()), shapes, names, functions.widths, *layers]
    digest = hashlib.sha256(repr(text).encode()).hexdigest()
    return TracedModel(
        digest=digest,
        features=functions.x.width,
        outputs=outputs,
        widths=functions.widths,
        templates=shapes,
        trainable=len(variables.trained),
        essential=len(variables.trained) + len(variables.other),
        carried=len(variables.carried),
        columns=column,
        metrics=names,
        parts=parts,
        layers=layers,
        fixed_batch=functions.batch_size,
        judged_rows=functions.judged_rows,
    )

"""From a compiled Keras model to a `ChainedModel`, where it is a chain that the kernels know."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kohort.networks.dense_chain import ChainLayer, ChainMetric, ChainState, DenseChain
from kohort.networks.lifted.chain import hidden_layers, resolved, templates, widths_of
from kohort.networks.lifted.chain_parts import ChainParts
from kohort.networks.lifted.chain_training import ChainTraining, loss_of, metrics_of, optimizer_of
from kohort.networks.lifted.chained import ChainedModel
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.keras_private import (
    build_compilation,
    layers_of,
    unbuild_compilation,
)
from kohort.networks.lifted.tracing import Tracing
from kohort.networks.lifted.variables import Variables

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Chaining:
    """A chained model with its numbers and arrays, as `Tracing` is for a traced model.

    Attributes
    ----------
    network : ChainedModel
    numbers : tuple of float
    arrays : list of arrays
        Two, each of shape (feature,): one is subtracted from the features, then they are multiplied
        by the other. Empty without standardisation.
    units : tuple of int
    """

    network: ChainedModel
    numbers: tuple[float, ...]
    arrays: list[NDArray[Any]]
    units: tuple[int, ...]

    def probed(self, trace: Tracing) -> Chaining:
        """Return it with the model's trace, by which it can be probed."""
        chain, shapes = self.network.dense, [array.shape for array in trace.arrays]
        network = replace(
            self.network,
            dense=replace(
                chain,
                numbers=(*chain.numbers, *[""] * len(trace.numbers)),
                size=chain.size + sum(map(prod, shapes)),
            ),
            templates=(*self.network.templates, *shapes),
            traced=trace.network,
        )
        arrays = [*self.arrays, *trace.arrays]
        return Chaining(network, (*self.numbers, *trace.numbers), arrays, self.units)


@dataclass
class _Numbers:
    """Columns of a row of numbers, as they are asked for."""

    names: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def column(self, value: float | None, name: str = "") -> int:
        """The column of a new number; -1 for None."""
        if value is None:
            return -1
        self.names.append(name)
        self.values.append(value)
        return len(self.values) - 1


def chained(model: keras.Model, x: Columns, y: Columns) -> Chaining | None:
    """Return a compiled and built model as a chain; None where it is none.

    Parameters
    ----------
    model : keras.Model
    x, y : Columns
        How flat rows hold its inputs and its targets.
    """
    import keras

    floatx = keras.config.floatx()
    parts = ChainParts.of(model) if len(x.shapes) == 1 and x.names is None else None
    if parts is None or any(layer.compute_dtype != floatx for layer in layers_of(model)):
        return None
    output = parts.parts[-1]
    optimizer, loss = optimizer_of(model), loss_of(model, output, y)
    metrics = metrics_of(model, y, output.dense.units)
    arrays = [] if parts.scaling is None else _scaling(parts.scaling, x)
    if optimizer is None or loss is None or metrics is None or arrays is None:
        return None
    # JAX draws masks for double precision from 64 random bits.
    if floatx != "float32" and (floatx != "float64" or parts.drops):
        return None
    return _chaining(model, x.width, parts, (optimizer, loss), metrics, arrays)


def built_as_chain(model: keras.Model, x: Columns, y: Columns) -> bool:
    """Build a compiled model for its data if it is a chain, in a fraction of the time that it takes
    to run the model on symbols; False where nothing was done.
    """
    if not model.built or len(x.shapes) != 1 or len(y.shapes) != 1 or y.names is not None:
        return False
    parts = ChainParts.of(model)
    if parts is None or tuple(model.inputs[0].shape[1:]) != x.shapes[0]:
        return False
    build_compilation(model, y.symbolic())
    output = parts.parts[-1]
    known = loss_of(model, output, y), metrics_of(model, y, output.dense.units)
    if None in known:
        unbuild_compilation(model)
    return None not in known


def _chaining(
    model: keras.Model,
    features: int,
    parts: ChainParts,
    trainings: tuple[ChainTraining, ChainTraining],
    metrics: list[tuple[str, str, bool, Any]],
    arrays: list[NDArray[Any]],
) -> Chaining:
    variables, padded = Variables(model), hidden_layers(model)
    widths = widths_of(features, padded) if padded else ()
    known = templates(model, padded) if padded else {}
    shapes = [known.get(id(v), tuple(v.shape)) for v in variables.carried]
    shapes += [array.shape for array in arrays]
    sizes = [prod(resolved(shape, widths)) for shape in shapes]
    starts = list(accumulate(sizes[:-1], initial=0))
    at = {id(v): start for v, start in zip(variables.carried, starts, strict=False)}
    numbers, (optimizer, loss) = _Numbers(), trainings
    layers, uses = _layers(parts, widths, numbers, variables), optimizer.uses | loss.uses
    for name, value in (optimizer.numbers | loss.numbers).items():
        numbers.column(value, name)
    if parts.parts[-1].activation == "softmax":
        uses.add("softmax_output")
    if parts.drops:
        uses.add("keras_noise")
    if parts.dropout is not None:
        uses.add("input_dropout")
        numbers.column(1.0 - parts.dropout.rate, "input_dropout")
    trained = [v for part in parts.parts for v in part.variables]
    order = {id(v): number for number, v in enumerate(variables.trained)}
    averages = [v for part in parts.parts for v in part.averages]
    places = [*(at[id(v)] for v in (*trained, *averages)), *starts[len(variables.carried) :]]
    trees = [tuple(at[id(slot[order[id(v)]])] for v in trained) for slot in optimizer.slots]
    chain = DenseChain(
        features,
        tuple(layers),
        tuple(numbers.names),
        tuple(places),
        sum(sizes),
        frozenset(uses),
        loss.name,
        optimizer.name,
        ChainState(tuple(at[id(v)] for v in optimizer.scalars), tuple(trees)),
        tuple(ChainMetric(name, weighted, at[id(v[0])]) for _, name, weighted, v in metrics),
        0 if parts.dropout is None else _stream(parts.dropout, variables),
        bool(arrays),
    )
    network = ChainedModel(
        chain,
        tuple(layer.width for layer in layers[:-1]),
        tuple(shapes),
        len(variables.trained),
        len(variables.trained) + len(variables.other),
        len(variables.carried),
        tuple(name for name, *_ in metrics),
    )
    units = tuple(part.dense.units for part in parts.parts[:-1])
    return Chaining(network, tuple(numbers.values), arrays, units)


def _layers(
    parts: ChainParts, widths: tuple[int, ...], numbers: _Numbers, variables: Variables
) -> list[ChainLayer]:
    layers = []
    for number, part in enumerate(parts.parts):
        width = widths[number] if number < len(widths) else part.dense.units
        penalty, limit = part.dense.kernel_regularizer, part.dense.kernel_constraint
        epsilon = None if part.norm is None else float(part.norm.epsilon)
        momentum = float(part.norm.momentum) if part.averages else None
        drops = part.dropout is not None
        layers.append(
            ChainLayer(
                width,
                "linear" if part.activation == "softmax" else part.activation,
                part.norm_name,
                part.dense.bias is not None,
                _stream(part.dropout, variables) if drops else 0,
                alpha=numbers.column(part.alpha),
                momentum=numbers.column(momentum),
                epsilon=numbers.column(epsilon),
                dropout=numbers.column(1.0 - part.dropout.rate if drops else None),
                l1=numbers.column(_number(penalty, "l1")),
                l2=numbers.column(_number(penalty, "l2")),
                max_norm=numbers.column(_number(limit, "max_value")),
            )
        )
    return layers


def _number(thing: object, name: str) -> float | None:
    return float(getattr(thing, name)) if hasattr(thing, name) else None


def _stream(dropout: keras.Layer, variables: Variables) -> int:
    """Which of the model's generators a layer draws from."""
    state = dropout.seed_generator.state
    return next(number for number, seed in enumerate(variables.seeds) if seed is state)


def _scaling(layer: keras.Layer, x: Columns) -> list[NDArray[Any]] | None:
    """Arrays that a layer subtracts from the features and then multiplies them by, or None."""
    import keras

    dtype = keras.config.floatx()
    if type(layer).__name__ == "Rescaling":
        if np.ndim(layer.scale) or np.ndim(layer.offset) or not float(layer.scale):
            return None
        scale, centre = float(layer.scale), -float(layer.offset) / float(layer.scale)
    elif layer.invert or layer.mean is None or len(x.shapes[0]) != 1:
        return None
    else:
        deviation = np.sqrt(np.asarray(keras.ops.convert_to_numpy(layer.variance), np.float64))
        scale = 1 / np.maximum(deviation, keras.config.epsilon())
        centre = keras.ops.convert_to_numpy(layer.mean)
    return [
        np.ascontiguousarray(np.broadcast_to(np.reshape(v, -1), (x.width,)), dtype)
        for v in (centre, scale)
    ]

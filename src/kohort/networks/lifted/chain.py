"""Chains of layers whose widths are numbers: narrower models run in the program of a wider one.

A hidden unit that does not exist has zero weights on both sides. Its output is masked before the
next kernel, so that neither its weights nor those behind it ever move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kohort.networks.lifted.users_code import of_keras
from kohort.networks.own.dense import free_width, padded

if TYPE_CHECKING:
    import keras

# Functions of each unit alone, with f(x) finite wherever x is.
_ELEMENTWISE = frozenset(
    "linear relu relu6 leaky_relu elu selu celu silu swish gelu mish softplus softsign sigmoid "
    "hard_sigmoid hard_silu hard_swish log_sigmoid tanh hard_tanh tanh_shrink hard_shrink "
    "soft_shrink squareplus sparse_plus threshold exponential".split()
)
_PENALTIES = ("L2", "L1L2")
_LIMITS = ("MaxNorm", "UnitNorm", "NonNeg")
# Optimizers whose step of a weight depends on its variable's shape, or that divide 0 by 0 where a
# unit does not exist.
_UNPADDED = ("Adafactor", "Muon", "Ftrl")

Template = tuple[int, ...]
"""A variable's shape; -1 stands for the width of the first hidden layer, -2 for the second."""


def _still_at_zero(penalty: object) -> bool:
    """Whether a penalty leaves a weight of 0 alone: JAX's slope of |w| at 0 is 1."""
    return _plain(penalty, _PENALTIES) and not getattr(penalty, "l1", 0)


def _plain(thing: object, names: Sequence[str]) -> bool:
    return thing is None or (of_keras(thing) and type(thing).__name__ in names)


def is_elementwise(function: object) -> bool:
    """Whether a function is one of Keras's that treat each unit alone."""
    import keras

    name = getattr(function, "__name__", "")
    return name in _ELEMENTWISE and keras.activations.get(name) is function


def _along(layer: keras.Layer) -> bool:
    """Whether a layer may stand between two dense ones: it treats each unit alone."""
    kind = type(layer).__name__
    if not of_keras(layer):
        return False
    if kind == "Activation":
        return is_elementwise(layer.activation)
    if kind == "PReLU":
        return layer.shared_axes is None and _plain(layer.alpha_constraint, ())
    if kind == "BatchNormalization":
        limits = (layer.gamma_constraint, layer.beta_constraint)
        return all(_plain(limit, _LIMITS) for limit in limits)
    return kind in ("Dropout", "GaussianNoise", "ReLU", "LeakyReLU", "ELU")


def _dense(layer: keras.Layer) -> bool:
    return (
        type(layer).__name__ == "Dense"
        and of_keras(layer)
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "quantization_mode", None) is None
        and is_elementwise(layer.activation)
        and _still_at_zero(layer.kernel_regularizer)
        and _still_at_zero(layer.bias_regularizer)
        and _plain(layer.kernel_constraint, _LIMITS)
        and getattr(layer.kernel_constraint, "axis", 0) in (0, None)
        and _plain(layer.bias_constraint, _LIMITS)
    )


def hidden_layers(model: keras.Model) -> list[Any]:
    """The hidden dense layers of a chain, whose widths may be padded; none if it is no chain."""
    import keras

    optimizer = model.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not isinstance(model, keras.Sequential) or not of_keras(inner):
        return []
    if type(inner).__name__ in _UNPADDED:
        return []
    layers = model.layers
    dense = [i for i, layer in enumerate(layers) if type(layer).__name__ == "Dense"]
    if len(dense) < 2:
        return []
    first, last = dense[0], dense[-1]
    between = layers[first:last]
    if not all(_dense(layer) or _along(layer) for layer in between):
        return []
    distinct = len({id(layer) for layer in layers}) == len(layers)
    flat = len(layers[first].kernel.shape) == 2 and len(layers[first].output.shape) == 2
    return [layers[i] for i in dense[:-1]] if distinct and flat else []


def widths_of(features: int, hidden: Sequence[Any]) -> tuple[int, ...]:
    """Compiled width of each hidden layer."""
    least = free_width(features, len(hidden))
    return tuple(max(least, padded(layer.units)) for layer in hidden)


def templates(model: keras.Model, hidden: Sequence[Any]) -> dict[int, Template]:
    """Shapes that depend on the widths, by the identity of the variable."""
    found: dict[int, Template] = {}
    before, position = 0, 0
    for layer in model.layers:
        if position < len(hidden) and layer is hidden[position]:
            position += 1
            found[id(layer.kernel)] = (before or layer.kernel.shape[0], -position)
            if layer.bias is not None:
                found[id(layer.bias)] = (-position,)
            before = -position
        elif before and type(layer).__name__ == "Dense":
            found[id(layer.kernel)] = (before, layer.kernel.shape[1])
            break
        elif before:
            found |= {id(v): (before,) for v in layer.weights if len(v.shape) == 1}
    return found | _of_optimizer(model, found)


def _of_optimizer(model: keras.Model, found: dict[int, Template]) -> dict[int, Template]:
    """An optimizer's lists of variables run parallel to the trained ones."""
    trained = model.trainable_variables
    slots: dict[int, Template] = {}
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    for optimizer in (model.optimizer, inner):
        for value in vars(optimizer).values():
            if not isinstance(value, list | tuple) or len(value) != len(trained):
                continue
            for slot, variable in zip(value, trained, strict=True):
                same = getattr(slot, "shape", None) == variable.shape
                if same and slot is not variable and id(variable) in found:
                    slots[id(slot)] = found[id(variable)]
    return slots


def resolved(template: Template, units: Sequence[int]) -> tuple[int, ...]:
    """The shape for given widths.

    Examples
    --------
    >>> resolved((8, -1), (50,))
    (8, 50)
    """
    return tuple(units[-size - 1] if size < 0 else size for size in template)

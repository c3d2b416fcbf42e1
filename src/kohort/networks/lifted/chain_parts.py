"""The layers of a Keras model as those of a chain: dense layers, each with its companions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kohort.networks.lifted.chain import is_elementwise
from kohort.networks.lifted.users_code import of_keras

if TYPE_CHECKING:
    import keras

_ALPHAS = {"leaky_relu": 0.2, "elu": 1.0, "celu": 1.0, "softplus": 1.0}
"""Keras's defaults of the numbers that the kernels' activations take."""

_FUNCTIONS = frozenset(
    "relu elu selu celu silu gelu mish softplus softsign sigmoid hard_sigmoid relu6 hard_silu tanh "
    "exponential linear leaky_relu".split()
)

_PENALTIES = ("L1", "L2", "L1L2")


@dataclass
class ChainPart:
    """A dense layer of a model, with the layers after it that belong to it.

    Attributes
    ----------
    dense : keras.layers.Dense
    activation : str
        Name that the kernels know it by; "softmax" for an output.
    alpha : float or None
        The activation's number.
    slopes : layer or None
        PReLU.
    norm : layer or None
        Batch normalisation.
    after : bool
        Whether the normalisation comes after the activation.
    dropout : layer or None
    """

    dense: Any
    activation: str = "linear"
    alpha: float | None = None
    slopes: Any = None
    norm: Any = None
    after: bool = False
    dropout: Any = None

    def add(self, layer: keras.Layer) -> bool:
        """Take the next layer in; False where it does not belong."""
        kind = type(layer).__name__
        if self.dropout is not None or not layer.trainable:
            return False
        if kind == "Dropout":
            self.dropout = layer if layer.rate > 0 else None
            return layer.noise_shape is None
        if kind == "BatchNormalization":
            free = self.norm is None and _is_plain_norm(layer)
            self.norm, self.after = layer, self.activation != "linear"
            return free
        found = activation_of(layer)
        if found is None or self.activation != "linear" or (self.norm and self.after):
            return False
        self.activation, self.alpha = found
        self.slopes = layer if kind == "PReLU" else None
        return True

    @property
    def norm_name(self) -> str:
        """Its normalisation as a chain names it."""
        if self.norm is None:
            return "none"
        return "batch_after" if self.after else "batch_before"

    @property
    def variables(self) -> list[Any]:
        """Those that are trained, in the order of a chain."""
        norm = [] if self.norm is None else [self.norm.gamma, self.norm.beta]
        slopes = [] if self.slopes is None else [self.slopes.alpha]
        bias = [] if self.dense.bias is None else [self.dense.bias]
        return [self.dense.kernel, *bias, *norm, *slopes]

    @property
    def averages(self) -> list[Any]:
        """Moving averages of its batch normalisation."""
        return [] if self.norm is None else [self.norm.moving_mean, self.norm.moving_variance]


@dataclass
class ChainParts:
    """A whole model: the layers before the first dense layer, and the dense layers.

    Attributes
    ----------
    scaling : layer or None
        Normalization or Rescaling of the features.
    dropout : layer or None
        Of the features.
    parts : list of ChainPart
        The output's last.
    """

    scaling: Any = None
    dropout: Any = None
    parts: list[ChainPart] = field(default_factory=list)

    @classmethod
    def of(cls, model: keras.Model) -> ChainParts | None:
        """Return the parts of a model; None where it is no such chain."""
        found = cls()
        layers = list(_in_line(model))
        fit = bool(layers) and all(of_keras(layer) and found._add(layer) for layer in layers)
        return found if fit and found.parts and found._ends_plainly() else None

    @property
    def drops(self) -> bool:
        """Whether any layer draws random numbers."""
        return self.dropout is not None or any(part.dropout is not None for part in self.parts)

    def _add(self, layer: keras.Layer) -> bool:
        kind = type(layer).__name__
        if kind == "InputLayer":
            return not self.parts
        if kind == "Dense":
            if not is_plain_dense(layer) or not layer.trainable:
                return False
            part = ChainPart(layer)
            self.parts.append(part)
            if layer.activation is None:
                return True
            found = activation_of(layer)
            part.activation, part.alpha = found or ("", None)
            return found is not None
        if self.parts:
            return self.parts[-1].add(layer)
        if self.dropout is not None:
            return False
        if kind == "Dropout":
            self.dropout = layer if layer.rate > 0 else None
            return layer.noise_shape is None
        if kind == "Flatten":
            return True
        free = self.scaling is None
        self.scaling = layer
        return free and kind in ("Normalization", "Rescaling")

    def _ends_plainly(self) -> bool:
        """Whether a softmax is an output's, and nothing but an activation follows the output."""
        *hidden, output = self.parts
        inner = all(part.activation != "softmax" for part in hidden)
        return inner and output.norm is None and output.dropout is None and output.slopes is None


def activation_of(layer: keras.Layer) -> tuple[str, float | None] | None:
    """Name and number of an activation as the kernels know it; None of any other layer."""
    kind = type(layer).__name__
    if kind == "ReLU":
        plain = layer.max_value is None and not layer.threshold
        slope = float(layer.negative_slope or 0)
        return (("leaky_relu", slope) if slope else ("relu", None)) if plain else None
    if kind == "LeakyReLU":
        return "leaky_relu", float(layer.negative_slope)
    if kind == "ELU":
        return "elu", float(layer.alpha)
    if kind == "PReLU":
        whole = layer.shared_axes is None
        free = layer.alpha_constraint is None and layer.alpha_regularizer is None
        return ("prelu", None) if whole and free else None
    if kind == "Softmax":
        return ("softmax", None) if layer.axis == -1 else None
    if kind not in ("Activation", "Dense"):
        return None
    function = layer.activation
    name = getattr(function, "__name__", "")
    if name == "softmax":
        import keras

        return ("softmax", None) if function is keras.activations.softmax else None
    if name not in _FUNCTIONS or not is_elementwise(function):
        return None
    return name, _ALPHAS.get(name)


def is_plain_dense(layer: keras.Layer) -> bool:
    """Whether a dense layer has no other options than a chain's has."""
    penalty, limit = layer.kernel_regularizer, layer.kernel_constraint
    return (
        (penalty is None or (of_keras(penalty) and type(penalty).__name__ in _PENALTIES))
        and (limit is None or (of_keras(limit) and type(limit).__name__ == "MaxNorm"))
        and getattr(limit, "axis", 0) == 0
        and layer.bias_regularizer is None
        and layer.bias_constraint is None
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "quantization_mode", None) is None
    )


def _is_plain_norm(layer: keras.Layer) -> bool:
    options = (layer.beta_regularizer, layer.gamma_regularizer, layer.beta_constraint)
    plain = layer.axis in (-1, 1) and not getattr(layer, "synchronized", False)
    free = all(option is None for option in (*options, layer.gamma_constraint))
    return bool(plain and free and layer.center and layer.scale)


def _in_line(model: keras.Model) -> Iterator[Any]:
    """The layers of a model that is one line of layers, each used once; none of any other."""
    import keras

    layers = model.layers
    if len({id(layer) for layer in layers}) != len(layers):
        return
    if type(model) is keras.Sequential:
        yield from layers
        return
    if type(model).__name__ not in ("Functional", "Model") or not hasattr(model, "inputs"):
        return
    try:
        one = len(model.inputs) == 1 and len(model.outputs) == 1
        tensor = model.inputs[0]
        for layer in layers[1:]:
            one = one and layer.input is tensor
            tensor = layer.output
        if one and tensor is model.outputs[0]:
            yield from layers
    except (AttributeError, ValueError):  # A layer that is used twice, or by several tensors.
        return

"""A Keras model's loss, optimizer and metrics, in the kernels' terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kohort.networks.lifted.chain_parts import ChainPart
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.keras_private import (
    compiled_loss,
    compiled_metrics,
    entries_of,
    function_options,
    kept_from_decay,
    learning_rate_of,
    plain_metrics,
    product_of_momenta,
    slots_of,
    weighted_metrics,
)
from kohort.networks.lifted.names import stable_names
from kohort.networks.lifted.users_code import of_keras

if TYPE_CHECKING:
    import keras

# Family of the kernels, and Keras's names of the arrays of its state in the kernels' order.
_FAMILIES = {
    "SGD": ("sgd", ()),
    "RMSprop": ("rmsprop", ("_velocities",)),
    "Adam": ("adam", ("_momentums", "_velocities")),
    "AdamW": ("adam", ("_momentums", "_velocities")),
    "Adamax": ("adamax", ("_m", "_u")),
    "Nadam": ("nadam", ("_momentums", "_velocities")),
    "Adagrad": ("adagrad", ("_accumulators",)),
    "Adadelta": ("adadelta", ("_accumulated_grads", "_accumulated_delta_vars")),
    "Lion": ("lion", ("_momentums",)),
}
_OPTIONS = {
    "rmsprop": {"momentum": "_momentums", "centered": "_average_gradients"},
    "adam": {"amsgrad": "_velocity_hats"},
}
"""Options that add an array to an optimizer's state, in the kernels' order."""

_LIMITS = ("weight_decay", "clipvalue", "clipnorm", "global_clipnorm")
_METRICS = {
    "BinaryAccuracy": "binary_accuracy",
    "CategoricalAccuracy": "categorical_accuracy",
    "SparseCategoricalAccuracy": "sparse_categorical_accuracy",
    "MeanSquaredError": "mse",
    "MeanAbsoluteError": "mae",
    "RootMeanSquaredError": "rmse",
}
_LOSSES = {
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "huber": "huber",
    "log_cosh": "log_cosh",
    "binary_crossentropy": "binary_crossentropy",
    "categorical_crossentropy": "categorical_crossentropy",
    "sparse_categorical_crossentropy": "sparse_categorical_crossentropy",
}
_OF_CLASSES = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}
"""Losses of probabilities, and the activation that gives these."""


@dataclass
class ChainTraining:
    """The part of a chain that says how it trains.

    Attributes
    ----------
    name : str
        Loss or optimizer family.
    numbers : dict
        By the kernels' names.
    uses : set of str
    slots : list of lists of Variable
        Arrays of an optimizer's state.
    scalars : list of Variable
    """

    name: str
    numbers: dict[str, float] = field(default_factory=dict)
    uses: set[str] = field(default_factory=set)
    slots: list[Any] = field(default_factory=list)
    scalars: list[Any] = field(default_factory=list)


def optimizer_of(model: keras.Model) -> ChainTraining | None:
    """Return a model's optimizer as a chain has it; None if no chain has such an optimizer."""
    optimizer = model.optimizer
    kind = type(optimizer).__name__
    if not of_keras(optimizer) or kind not in _FAMILIES or not _is_plain(optimizer):
        return None
    family, names = _FAMILIES[kind]
    found = ChainTraining(family, uses={"steady_momentum"}, scalars=[optimizer.iterations])
    if family == "sgd" and optimizer.momentum:
        found.name, names = "momentum", ("momentums",)
        found.numbers["nesterov"] = float(optimizer.nesterov)
    for option, array in _OPTIONS.get(family, {}).items():
        if getattr(optimizer, option):
            found.uses.add(option)
            found.numbers[option], names = 1.0, (*names, array)
    if family == "nadam":
        found.scalars.append(product_of_momenta(optimizer))
    found.numbers |= _numbers_of(optimizer)
    found.uses |= {name for name in _LIMITS if name in found.numbers}
    slots = slots_of(optimizer)
    found.slots = [slots[name] for name in names]
    return found


def _numbers_of(optimizer: keras.Optimizer) -> dict[str, float]:
    names = ("momentum", "beta_1", "beta_2", "rho", "epsilon")
    numbers = {name: float(getattr(optimizer, name, 0.0)) for name in names}
    for gain, decay in (("gain_1", "beta_1"), ("gain_2", "beta_2"), ("gain_rho", "rho")):
        numbers[gain] = 1 - numbers[decay]
    given = {name: getattr(optimizer, name, None) for name in _LIMITS}
    return numbers | {name: float(value) for name, value in given.items() if value}


def _is_plain(optimizer: keras.Optimizer) -> bool:
    """Whether an optimizer has no other options than a chain's has."""
    import keras

    return (
        isinstance(learning_rate_of(optimizer), keras.Variable)
        and not optimizer.use_ema
        and not optimizer.loss_scale_factor
        and not optimizer.gradient_accumulation_steps
        and not kept_from_decay(optimizer)
    )


def loss_of(model: keras.Model, output: ChainPart, y: Columns) -> ChainTraining | None:
    """Return a model's loss as a chain with this output has it; None if no chain has it."""
    import keras

    losses = compiled_loss(model)
    entries = entries_of(losses) if losses is not None else ()
    if len(entries) != 1 or entries[0].loss_weights is not None:
        return None
    loss = entries[0].loss
    name = getattr(getattr(loss, "fn", None), "__name__", "")
    known = _LOSSES.get(name)
    if known is None or loss.fn is not getattr(keras.losses, name, None):
        return None
    if not of_keras(loss) or loss.reduction != "sum_over_batch_size":
        return None
    options = dict(function_options(loss))
    if options.pop("axis", -1) != -1 or options.pop("ignore_class", None) is not None:
        return None
    found = ChainTraining(known)
    logits = bool(options.pop("from_logits", False))
    smoothing = float(options.pop("label_smoothing", 0.0) or 0.0)
    if smoothing:
        found.uses.add("label_smoothing")
        found.numbers["label_smoothing"] = smoothing
    if known == "huber":
        found.numbers["huber_delta"] = float(options.pop("delta", 1.0))
    columns = 1 if known == "sparse_categorical_crossentropy" else output.dense.units
    if options or y.width != columns or y.names is not None or len(y.shapes) != 1:
        return None
    wanted = "linear" if logits else _OF_CLASSES.get(known, output.activation)
    if output.activation != wanted or (known not in _OF_CLASSES and wanted == "softmax"):
        return None
    if known in _OF_CLASSES and not logits:
        found.uses.add("clipped_probabilities")
        found.numbers["least_probability"] = float(keras.config.epsilon())
    return found


def metrics_of(
    model: keras.Model, y: Columns, outputs: int
) -> list[tuple[str, str, bool, Any]] | None:
    """Return log name, kernels' name, whether weighted, and variables of each metric of a model.

    None where a chain does not know one.
    """
    compiled = compiled_metrics(model)
    if compiled is None or not compiled.metrics:
        return []
    found: list[tuple[str, bool, Any]] = []
    for group, weighted in ((plain_metrics(compiled), False), (weighted_metrics(compiled), True)):
        for metric in (m for many in group if many for m in many.metrics):
            name = _METRICS.get(type(metric).__name__)
            if name is None or not of_keras(metric) or getattr(metric, "threshold", 0.5) != 0.5:
                return None
            if y.width != (1 if name == "sparse_categorical_accuracy" else outputs):
                return None
            found.append((name, weighted, metric))
    names = [metric.name for *_, metric in found]
    if len(set(names)) < len(names):
        return None
    stable = stable_names(model, names)
    return [(stable[m.name], name, weighted, m.variables) for name, weighted, m in found]

"""Features of Keras that a cohort cannot train, with the reasons."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.arrays import Array, TargetsLike
from kohort.deferred import jax
from kohort.estimators.keras_models.callbacks import needs_batches
from kohort.networks.lifted.keras_private import (
    compiled_loss,
    compiled_metrics,
    entries_of,
    function_of,
    layers_of,
)
from kohort.networks.lifted.variables import normalizations

if TYPE_CHECKING:
    import keras

_METHODS = (
    "train_step", "test_step", "compute_metrics", "compute_loss", "fit", "train_on_batch",
    "compute_loss_and_updates",
)  # fmt: skip
TAKEN = frozenset(
    "epochs batch_size shuffle validation_split validation_data initial_epoch verbose "
    "validation_batch_size callbacks class_weight sample_weight".split()
)
"""Arguments of Keras's `fit` that a cohort honours."""


def refuse_unknown_options(options: dict[str, Any], model: keras.Model) -> None:
    """Refuse arguments that neither kohort nor the `fit` of Keras or of the model's class knows.

    Raises
    ------
    TypeError
    """
    import keras

    own = inspect.signature(type(model).fit).parameters
    if any(parameter.kind == parameter.VAR_KEYWORD for parameter in own.values()):
        return
    known = {*TAKEN, *inspect.signature(keras.Model.fit).parameters, *own}
    for name in options:
        if name not in known:
            raise TypeError(f"fit() got an unexpected argument {name!r}; Keras's `fit` has none.")


def obstacle_of_call(options: dict[str, Any], callbacks: Sequence[Any]) -> str:
    """Why these arguments of `fit` need Keras's loop; "" if they do not."""
    for name, value in options.items():
        if name not in TAKEN and value is not None:
            return f"`{name}={value!r}` is an argument of Keras's own loop"
    for callback in callbacks:
        if needs_batches(callback):
            return f"the callback {type(callback).__name__} hears of batches"
    return ""


def obstacle_of_model(model: keras.Model) -> str:
    """Why a compiled and built model needs Keras's loop; "" if it does not."""
    import keras

    base = keras.Model
    for name in _METHODS:
        if getattr(type(model), name) is not getattr(base, name):
            return f"{type(model).__name__} overrides `{name}`"
    if model.run_eagerly:
        return "it is compiled with run_eagerly=True"
    if getattr(model, "steps_per_execution", 1) != 1:
        return "it is compiled with steps_per_execution"
    for layer in layers_of(model):
        if getattr(layer, "activity_regularizer", None) is not None:
            return f"the layer {layer.name!r} has an activity regularizer, a loss over batches"
        if getattr(layer, "stateful", False):
            return f"the layer {layer.name!r} is stateful"
    for layer in normalizations(model):
        if layer.axis != -1:
            return f"the layer {layer.name!r} normalises an axis that is not the last"
    return ""


def obstacle_of_losses(model: keras.Model, x: Array, y: TargetsLike) -> str:
    """Why the losses or metrics cannot leave padding rows out; "" if they can.

    `x` and `y` are symbolic batches of shape-and-type.
    """
    import keras

    outputs = jax.tree.leaves(model.compute_output_spec(x))
    targets = jax.tree.leaves(y)
    compiled = compiled_loss(model)
    if compiled is None:
        return "it has no loss but those that its layers add"
    for entry, target, output in zip(entries_of(compiled), targets, outputs, strict=False):
        loss = entry.loss
        name = entry.name or type(loss).__name__
        if getattr(loss, "reduction", "") in ("sum", "none", None):
            return f"the loss {name!r} has the reduction {loss.reduction!r}"
        if getattr(loss, "fn", None) is keras.losses.circle:
            return f"the loss {name!r} compares the rows of a batch with each other"
        if not _by_row(loss.call, target, output):
            return f"the loss {name!r} gives one value a batch (average over the last axis alone)"
    for metric in compiled_metrics(model).metrics if compiled_metrics(model) else ():
        function = function_of(metric)
        if _of_user(function or metric) and any(
            _counts_padding(metric, t, o) for t, o in zip(targets, outputs, strict=False)
        ):
            return f"the metric {metric.name!r} counts rows whose sample_weight is 0"
        if function is None:
            continue
        if not any(_by_row(function, t, o) for t, o in zip(targets, outputs, strict=False)):
            return (
                f"the metric {metric.name!r} gives one value a batch (average over the last axis)"
            )
    return ""


def _of_user(thing: object) -> bool:
    """Whether a function, or an object's class, is not Keras's own."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return not str(module).startswith("keras.")


def has_own_loss(model: keras.Model) -> bool:
    """Whether a loss of a compiled model is the user's own."""
    losses = [entry.loss for entry in entries_of(compiled_loss(model))]
    return any(_of_user(getattr(loss, "fn", loss)) for loss in losses)


def _counts_padding(metric: keras.Metric, target: Array, output: Array) -> bool:
    """Whether rows that weigh nothing change a metric; tried on random rows."""
    import keras

    generator = np.random.default_rng(0)
    rows = [
        generator.uniform(0.1, 0.9, (8, *part.shape[1:])).round(int(part.dtype == "int32"))
        for part in (target, output)
    ]
    rows = [row.astype(part.dtype) for row, part in zip(rows, (target, output), strict=True)]
    exists = np.asarray([1, 1, 1, 1, 1, 0, 0, 0], "float32")
    exists = exists.reshape(-1, *[1] * max(0, len(output.shape) - 2))

    def result(*parts: Any, weight: Array) -> Any:
        with keras.StatelessScope():
            metric.reset_state()
            metric.update_state(*parts, sample_weight=weight)
            return np.asarray(metric.result())

    try:
        whole = result(*rows, weight=exists)
        alone = result(*(row[:5] for row in rows), weight=exists[:5])
    except Exception:
        return False  # It is for another output, or tracing will tell.
    return not np.allclose(whole, alone, rtol=1e-4, atol=1e-6)


def _by_row(function: Callable[..., Any], target: Array, output: Array) -> bool:
    shapes = [jax.ShapeDtypeStruct((8, *part.shape[1:]), part.dtype) for part in (target, output)]
    try:
        value = jax.eval_shape(function, *shapes)
    except Exception:
        return True  # Tracing will tell what is wrong with it.
    return bool(value.ndim >= 1 and value.shape[0] == 8)

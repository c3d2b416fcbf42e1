"""From an estimator's parameters to a compiled Keras model that fits the data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.arrays import Estimator, LossLike
from kohort.deferred import jax
from kohort.errors import ModelError, ParameterError, explain
from kohort.estimators.keras_models.compilation import compile_arguments, optimizer_like
from kohort.estimators.keras_models.routing import build_arguments, build_function
from kohort.networks.lifted.chaining import built_as_chain
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.host_initializers import host_initializers
from kohort.networks.lifted.keras_private import compile_options, layers_of
from kohort.networks.lifted.variables import value_of
from kohort.runtime import require_own_process

if TYPE_CHECKING:
    import keras


def build(estimator: Estimator, meta: Mapping[str, Any], seed: int) -> Any:
    """A new model; its initial weights follow from the seed.

    Raises
    ------
    ParameterError
        If `model` is neither a function nor a Keras model.
    ModelError
        If the build function raises, or returns no model.
    """
    require_own_process()
    model, function = estimator.model, build_function(estimator)
    if (function is None and model is None) or not (function is None or callable(function)):
        remedy = "Give a function that builds and returns a keras.Model."
        raise ParameterError(explain("model", "a keras.Model or a build function", model, remedy))
    with host_initializers(seed):
        return copy_of(model) if function is None else _called(estimator, function, meta)


def _called(estimator: Estimator, function: Callable[..., Any], meta: Mapping[str, Any]) -> Any:
    import keras

    more = {
        "meta": dict(meta),
        "compile_kwargs": compile_arguments(estimator),
        "params": estimator.get_params(),
    }
    arguments = build_arguments(estimator, {**meta, **more})
    shown = {name: value for name, value in arguments.items() if name not in {**more, **meta}}
    try:
        built = function(**arguments)
    except ParameterError:
        raise
    except Exception as error:
        raise ModelError(
            f"The build function {_name(function)} raised {type(error).__name__} with {shown}: "
            f"{error}"
        ) from error
    if not isinstance(built, keras.Model):
        raise ModelError(
            f"The build function {_name(function)} must return a keras.Model; with {shown} it "
            f"returned {built!r}. End it with `return model`."
        )
    return built


def _name(function: object) -> str:
    return f"`{getattr(function, '__name__', type(function).__name__)}`"


def copy_of(model: keras.Model, loss: LossLike = None) -> Any:
    """A model of the same layers, weights and compilation, which training may change.

    Another `loss` may take the place of the model's own.
    """
    import keras

    try:
        with _without_compilation(model):
            copy = keras.models.clone_model(model)
    except Exception as error:
        raise ModelError(
            f"The model {model.name!r} cannot be copied ({error}). Give a function that builds it "
            "instead."
        ) from error
    if model.built:
        if not copy.built:
            copy.build(model.input_shape)
        copy.set_weights(model.get_weights())
        for layer in layers_of(copy, itself=False):
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
    if model.compiled:
        options = compile_options(model) | {"optimizer": optimizer_like(model.optimizer)}
        copy.compile(**options if loss is None else options | {"loss": loss})
    return copy


_copying = threading.Lock()


@contextmanager
def _without_compilation(model: keras.Model) -> Iterator[None]:
    """Keeps `clone_model` from writing down losses and metrics, which may be a user's functions."""
    with _copying:
        compiled, model.compiled = model.compiled, False
        try:
            yield
        finally:
            model.compiled = compiled


def outputs_of(model: keras.Model, x: Columns, seed: int) -> list[tuple[int, ...]]:
    """Shape of a row of each output."""
    try:
        with host_initializers(seed):
            tensors = jax.tree.leaves(
                model.outputs if getattr(model, "inputs", None) and model.built
                else model(x.symbolic())
            )  # fmt: skip
    except Exception as error:
        raise ModelError(
            f"The model {model.name!r} does not take rows of shape {list(x.shapes)}: {error}"
        ) from error
    return [tuple(tensor.shape[1:]) for tensor in tensors]


def prepare(model: keras.Model, x: Columns, y: Columns, seed: int) -> None:
    """Create every variable of a model that is to train on such rows.

    Raises
    ------
    ModelError
        If the model does not take the data, or its weights are not finite.
    ParameterError
        If nothing gives the model a loss.
    """
    if model.loss is not None:
        _check_loss(model)
    try:
        with host_initializers(seed):
            if not built_as_chain(model, x, y):
                batch = (columns.split(np.zeros((1, columns.width))) for columns in (x, y))
                model._symbolic_build(data_batch=tuple(batch))
    except Exception as error:
        shapes = x.shapes[0] if len(x.shapes) == 1 else list(x.shapes)
        raise ModelError(
            f"The model {model.name!r} with its loss and metrics does not take the data: a row of "
            f"X has the shape {shapes}, the model {_inputs(model)}. {error}"
        ) from error
    _check_loss(model)
    for variable in model.weights:
        value = value_of(variable)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ModelError(
                f"The weights of a new model must be finite; {variable.path!r} holds NaN or "
                "infinity. Check the initializer."
            )


def _inputs(model: keras.Model) -> str:
    try:
        return f"takes {model.input_shape}"
    except AttributeError:
        return "has no declared input"


def _check_loss(model: keras.Model) -> None:
    """Refuse a compiled and built model that nothing can train: without a loss in any form."""
    import keras

    own = any(
        getattr(type(model), name) is not getattr(keras.Model, name)
        for name in ("train_step", "compute_loss")
    )
    if not (own or model.losses or jax.tree.leaves(model.loss)):
        requirement = "given, since the build function compiles its model without one"
        remedy = "Give loss=..., or compile(loss=...), or return the model uncompiled."
        raise ParameterError(explain("loss", requirement, model.loss, remedy))

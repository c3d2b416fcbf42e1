"""From an estimator's parameters to a compiled Keras model that fits the data."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from kohort.errors import ModelError, ParameterError, explain
from kohort.estimators.keras_models.routing import (
    build_arguments,
    build_function,
    made,
    routed,
)
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.host_initializers import host_initializers
from kohort.networks.lifted.variables import value_of
from kohort.studies.prepared import is_auto


def build(estimator: Any, meta: Mapping[str, Any], seed: int) -> Any:
    """A new model; its initial weights follow from the seed.

    Raises
    ------
    ParameterError
        If `model` is neither a function nor a Keras model.
    ModelError
        If the build function raises, or returns no model.
    """
    model, function = estimator.model, build_function(estimator)
    if (function is None and model is None) or not (function is None or callable(function)):
        remedy = "Give a function that builds and returns a keras.Model."
        raise ParameterError(explain("model", "a keras.Model or a build function", model, remedy))
    with host_initializers(seed):
        return _copy(model) if function is None else _called(estimator, function, meta)


def _called(estimator: Any, function: Any, meta: Mapping[str, Any]) -> Any:
    import keras

    compile_kwargs = {"optimizer": _optimizer(estimator, None, None), "loss": _loss(estimator)}
    compile_kwargs |= {"metrics": _metrics(estimator), **routed(estimator, "compile")}
    more = {"meta": dict(meta), "params": estimator.get_params(), "compile_kwargs": compile_kwargs}
    arguments = build_arguments(estimator, {**meta, **more})
    shown = {name: value for name, value in arguments.items() if name not in {**more, **meta}}
    try:
        built = function(**arguments)
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


def _name(function: Any) -> str:
    return f"`{getattr(function, '__name__', type(function).__name__)}`"


def _copy(model: Any) -> Any:
    """A model of the same layers, weights and compilation, which training may change."""
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
        for layer in copy._flatten_layers(include_self=False):
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
    if model.compiled:
        options = dict(model._compile_config.config)
        copy.compile(**{**options, "optimizer": _optimizer_like(model.optimizer)})
    return copy


_copying = threading.Lock()


@contextmanager
def _without_compilation(model: Any) -> Iterator[None]:
    """Keeps `clone_model` from writing down losses and metrics, which may be a user's functions."""
    with _copying:
        compiled, model.compiled = model.compiled, False
        try:
            yield
        finally:
            model.compiled = compiled


def _optimizer_like(optimizer: Any) -> Any:
    """A new optimizer of the same settings, those that its configuration leaves out included."""
    copy = type(optimizer).from_config(optimizer.get_config())
    _keep_exclusions(optimizer, copy)
    if hasattr(optimizer, "inner_optimizer"):
        _keep_exclusions(optimizer.inner_optimizer, copy.inner_optimizer)
    return copy


def _keep_exclusions(old: Any, new: Any) -> None:
    """Variables without weight decay, of which an optimizer's configuration says nothing."""
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if name in vars(old):
            object.__setattr__(new, name, vars(old)[name])


def _configured(thing: Any, options: Mapping[str, Any], module: Any) -> Any:
    """A Keras object from its name, class or another object, with options of its own.

    `a__b` is the option `b` of what is given as `a`, a class or an object.
    """
    nested = {name.partition("__")[0] for name in options if "__" in name}
    if nested:
        plain = {name: value for name, value in options.items() if "__" not in name}
        for name in nested:
            own = {n.partition("__")[2]: v for n, v in options.items() if n.startswith(f"{name}__")}
            plain[name] = _configured(plain.get(name), own, module)
        options = plain
    if isinstance(thing, str):
        thing = module.get({"class_name": thing, "config": dict(options)}) if options else thing
    elif inspect.isclass(thing):
        thing = thing(**options)
    elif options:
        thing = type(thing).from_config({**thing.get_config(), **options})
    return thing


def _optimizer(estimator: Any, compiled: Any, rate: float | None) -> Any:
    """The optimizer that the parameters ask for; None for the one that the model has."""
    import keras

    options = routed(estimator, "optimizer")
    options = {**getattr(estimator, "_optimizer_options", {}), **options}
    if is_auto(options.get("learning_rate")):
        del options["learning_rate"]
    if rate is not None:
        options["learning_rate"] = rate
    chosen = estimator.optimizer if estimator.optimizer is not None else compiled
    if estimator.optimizer is None and not options:
        return None
    if chosen is None:
        chosen = "rmsprop"
    if isinstance(chosen, str):
        chosen = type(keras.optimizers.get(chosen))
    try:
        made = _configured(chosen, options, keras.optimizers)
        if not inspect.isclass(chosen):
            _keep_exclusions(chosen, made)
        return _optimizer_like(made)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            explain("optimizer__*", "parameters of the optimizer", options, str(error))
        ) from error


def _loss(estimator: Any) -> Any:
    import keras

    def one(chosen: Any, options: dict[str, Any]) -> Any:
        if isinstance(chosen, str) and options:
            found = keras.losses.get(chosen)
            kind = found if inspect.isclass(found) else None
            kind = kind or getattr(keras.losses, _camel(chosen), None) or type(found)
            return kind(**options)
        return _configured(chosen, options, keras.losses) if chosen is not None else None

    return _of_parameters(estimator, "loss", one)


def _metrics(estimator: Any) -> Any:
    import keras

    def one(chosen: Any, options: dict[str, Any]) -> Any:
        if isinstance(chosen, str) and options:
            chosen = type(keras.metrics.get(chosen))
        return _configured(chosen, options, keras.metrics) if chosen is not None else None

    return _of_parameters(estimator, "metrics", one)


def _of_parameters(estimator: Any, route: str, one: Callable[[Any, dict[str, Any]], Any]) -> Any:
    options = routed(estimator, route)
    try:
        return made(getattr(estimator, route), options, one)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            explain(f"{route}__*", f"parameters of the {route}", options, str(error))
        ) from error


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def outputs_of(model: Any, x: Columns, seed: int) -> list[tuple[int, ...]]:
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


def compile_model(
    estimator: Any,
    model: Any,
    meta: Mapping[str, Any],
    outputs: Sequence[tuple[int, ...]],
    rate: float | None = None,
) -> None:
    """Compile a model that is not, and one whose compilation the parameters change.

    Parameters
    ----------
    outputs : sequence of tuples
        Shape of a row of each output.
    rate : float or None, default=None
        Learning rate in place of what the parameters and the optimizer say.
    """
    compiled = bool(model.compiled)
    optimizer = _optimizer(estimator, model.optimizer if compiled else None, rate)
    loss, metrics = _loss(estimator), _metrics(estimator)
    more = routed(estimator, "compile")
    if compiled and optimizer is None and loss is None and metrics is None and not more:
        return
    old = dict(model._compile_config.config) if compiled else {}
    asked = {"optimizer": optimizer, "loss": loss, "metrics": metrics}
    options = {**old, **{n: v for n, v in asked.items() if v is not None}, **more}
    options.setdefault("optimizer", "rmsprop")
    if options.get("loss") is None:
        options["loss"] = _default_loss(meta, outputs)
    model.compile(**options)


def _default_loss(meta: Mapping[str, Any], outputs: Sequence[tuple[int, ...]]) -> str:
    """The loss of a model that comes without one."""
    if "classes_" not in meta:
        return "mse"
    single = outputs[0][-1:] == (1,)
    binary = single or meta["target_type_"] == "multilabel-indicator"
    return "binary_crossentropy" if binary else "sparse_categorical_crossentropy"


def prepare(model: Any, batch: tuple[Any, Any], seed: int) -> None:
    """Create every variable of a model that is to train on such batches.

    Raises
    ------
    ModelError
        If the model does not take the data, or its weights are not finite.
    """
    x, y = batch
    try:
        with host_initializers(seed):
            model._symbolic_build(data_batch=(x, y))
    except Exception as error:
        shapes = jax.tree.map(lambda array: tuple(array.shape[1:]), x)
        raise ModelError(
            f"The model {model.name!r} with its loss and metrics does not take the data: a row of "
            f"X has the shape {shapes}, the model {_inputs(model)}. {error}"
        ) from error
    for variable in model.weights:
        value = value_of(variable)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ModelError(
                f"The weights of a new model must be finite; {variable.path!r} holds NaN or "
                "infinity. Check the initializer."
            )


def _inputs(model: Any) -> str:
    try:
        return f"takes {model.input_shape}"
    except AttributeError:
        return "has no declared input"

"""Where the parameters of a Keras estimator go: to the build function, to `compile`, to `fit`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from kohort.arrays import Estimator
from kohort.errors import ParameterError, explain, hint
from kohort.recipe.synonyms import PARAMETERS

ROUTES = ("model", "optimizer", "loss", "metrics", "compile", "callbacks", "fit", "predict")
"""Prefixes: `optimizer__learning_rate` is the optimizer's `learning_rate`."""

# Arguments that a build function gets if it asks for them by name.
META = (
    "X", "y", "meta", "params", "compile_kwargs", "n_features_in_", "X_shape_", "X_dtype_",
    "feature_names_in_", "n_outputs_", "n_outputs_expected_", "target_type_", "y_ndim_",
    "y_dtype_", "classes_", "n_classes_",
)  # fmt: skip

# Those of them that it gets if it takes any name.
ANYONE = ("meta", "compile_kwargs", "params")

# Names that other wrappers have for parameters, and the remedy.
_CALLED_OTHERWISE = {
    "build_fn": "Give the function as `model`.",
    "model_kwargs": "Give each as a parameter of its own: `width=64` or `model__width=64`.",
    "fit_kwargs": "Give each as a parameter of its own: `epochs=5` or `fit__epochs=5`.",
}


_NAMES: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()
"""By class, since inspecting a constructor takes longer than all else that is asked of it."""


def own_names(cls: type) -> tuple[str, ...]:
    """Parameters that the constructor names, and those of the bases that it hands others on to."""
    if cls not in _NAMES:
        _NAMES[cls] = _inspected(cls)
    return _NAMES[cls]


def _inspected(cls: type) -> tuple[str, ...]:
    names: list[str] = []
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        known = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        names += [
            p.name for p in parameters if p.kind not in known and p.name not in ("self", *names)
        ]
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            break
    return tuple(name for name in names if name not in getattr(cls, "_fixed", ()))


def further(estimator: Estimator) -> dict[str, Any]:
    """The parameters that came through the constructor's `**kwargs` or `set_params`."""
    return {name: getattr(estimator, name) for name in vars(estimator).get("_further", ())}


def _accepted(function: Callable[..., Any]) -> tuple[list[str], bool]:
    """Names of a function's parameters; whether it takes any other name as well."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return [], True
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    anything = any(p.kind == inspect.Parameter.VAR_KEYWORD for p in parameters)
    return [p.name for p in parameters if p.kind in kinds], anything


def build_function(estimator: Estimator) -> Callable[..., Any] | None:
    """The function that builds the model, or a subclass's `_keras_build_fn`; None for a model that
    exists.
    """
    import keras

    model = estimator.model
    if model is None:
        model = getattr(estimator, "_keras_build_fn", None)
    return None if isinstance(model, keras.Model) else model


def known_names(estimator: Estimator) -> list[str]:
    """Every name that `set_params` takes, prefixes in their own form."""
    names = [*own_names(type(estimator))]
    function = build_function(estimator)
    if callable(function):
        names += [name for name in _accepted(function)[0] if name not in (*names, *META)]
    return [*names, *(f"{route}__*" for route in ROUTES)]


def refuse_unknown(estimator: Estimator, names: Iterable[str]) -> None:
    """Refuse parameters that no one would get.

    Raises
    ------
    ParameterError
        Lists the known ones.
    """
    function = build_function(estimator)
    asked, anything = _accepted(function) if callable(function) else ([], False)
    for name in names:
        route, separator, rest = name.partition("__")
        if separator and route in ROUTES and rest:
            continue
        if name in own_names(type(estimator)):
            continue
        if hasattr(type(estimator), name):
            requirement = f"another name, since it is a method of {type(estimator).__name__}"
            remedy = f"Give it as model__{name}."
            raise ParameterError(explain(name, requirement, name, remedy))
        if name in _CALLED_OTHERWISE and name not in asked:
            requirement = f"left out: {type(estimator).__name__} has no such parameter"
            value = getattr(estimator, name, name)
            raise ParameterError(explain(name, requirement, value, _CALLED_OTHERWISE[name]))
        if name in asked or anything:
            continue
        known = known_names(estimator)
        near = hint(name, known, PARAMETERS)
        raise ParameterError(
            f"`{name}` is no parameter of {type(estimator).__name__} or of its build function. "
            f"{near + ' ' if near else ''}The known ones are {', '.join(known)}."
        )


def routed(estimator: Estimator, route: str) -> dict[str, Any]:
    """Parameters with the prefix of a route, without it."""
    prefix = f"{route}__"
    given = further(estimator)
    return {n.removeprefix(prefix): value for n, value in given.items() if n.startswith(prefix)}


def arguments(estimator: Estimator, route: str) -> dict[str, Any]:
    """Arguments of `fit` or `predict` that parameters with its prefix give, without callbacks."""
    given = routed(estimator, route)
    return {n: v for n, v in given.items() if n.partition("__")[0] != "callbacks"}


def asks_for_data(estimator: Estimator) -> bool:
    """Whether the build function asks for the training data themselves."""
    function = build_function(estimator)
    return callable(function) and bool({"X", "y"} & set(_accepted(function)[0]))


def _plain(value: Any) -> Any:
    """Numbers and texts of NumPy, as searches draw them, as Python's, which Keras's layers take;
    those in lists, tuples and dicts, too. An array stays one.
    """
    if isinstance(value, np.number | np.bool_ | np.str_):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if type(value) is dict:
        return {_plain(name): _plain(part) for name, part in value.items()}
    return value


def build_arguments(estimator: Estimator, meta: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the build function."""
    function = build_function(estimator)
    assert function is not None
    asked, anything = _accepted(function)
    given = {n: v for n, v in further(estimator).items() if "__" not in n}
    given |= routed(estimator, "model")
    chosen = {n: getattr(estimator, n) for n in own_names(type(estimator)) if n != "model"}
    known = {**chosen, **meta}
    called: dict[str, Any] = {
        name: _plain(value) for name, value in given.items() if name in asked or anything
    }
    for name in (*(n for n in asked if n in known), *(ANYONE if anything else ())):
        if name in META or known[name] is not None:
            called.setdefault(name, known[name])
    for name in routed(estimator, "model"):
        if name not in called:
            names = ", ".join(n for n in asked if n not in META) or "none"
            raise ParameterError(
                explain(
                    f"model__{name}",
                    "a parameter of the build function",
                    given[name],
                    f"Its parameters are {names}.",
                )
            )
    return called

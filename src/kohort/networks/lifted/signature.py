"""A model's configuration as a key: models of equal configuration have equal traces.

The folds of a candidate build the same model; only the first of them is traced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kohort.networks.lifted.keras_private import (
    compile_options,
    function_options,
    kept_from_decay,
    layers_of,
)
from kohort.networks.lifted.users_code import of_keras

if TYPE_CHECKING:
    import keras

# Marks of a user's own function or class in Keras's configuration.
_OWN = ('"class_name": "function"', '"__lambda__"', '"registered_name": "', "Custom>")

# Where Keras's configuration of a model names layers.
_NAMING = ("name", "keras_history", "input_layers", "output_layers")


def signature(model: keras.Model) -> str | None:
    """The configuration of a compiled model without its layers' names, weights and rate.

    None where the configuration does not say everything: subclassed models, layers, losses,
    metrics or functions of the user's own.
    """
    import keras

    if type(model) not in (keras.Sequential, keras.Model) and type(model).__name__ != "Functional":
        return None
    if not all(_known(thing) for thing in _parts(model)) or _names_variables(model.optimizer):
        return None
    compiled = dict(model.get_compile_config() or {})
    optimizer = json.loads(json.dumps(compiled.get("optimizer"), default=_refuse))
    settings = (optimizer or {}).get("config", {})
    settings.pop("name", None)
    if isinstance(settings.get("learning_rate"), float):
        del settings["learning_rate"]
    names = model.output_names if len(model.outputs) > 1 else []
    losses = [function_options(loss) for loss in _leaves(model.loss)]
    try:
        text = json.dumps(
            [_numbered(model), {**compiled, "optimizer": optimizer}, losses, names],
            sort_keys=True,
            default=_refuse,
        )
    except TypeError:
        return None
    modules = re.findall(r'"module": "([^"]*)"', text)
    if any(mark in text for mark in _OWN) or not all(m.startswith("keras") for m in modules):
        return None
    return f"{keras.config.floatx()} {keras.config.epsilon()} {text}"


def _names_variables(optimizer: keras.Optimizer) -> bool:
    """Whether an optimizer treats some variables apart without its configuration saying so."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    excluded = kept_from_decay(inner)
    return bool(excluded) or type(inner).__name__ == "Muon"


def _numbered(model: keras.Model) -> Any:
    """The model's configuration with each layer's name replaced by its position."""
    layers = [model, *layers_of(model, itself=False)]
    positions = {layer.name: position for position, layer in enumerate(layers)}

    def renamed(thing: object) -> Any:
        if isinstance(thing, list | tuple):
            return [renamed(part) for part in thing]
        return positions.get(thing, thing) if isinstance(thing, str) else thing

    def walk(thing: object) -> Any:
        if isinstance(thing, dict):
            return {
                key: renamed(value) if key in _NAMING else walk(value)
                for key, value in thing.items()
            }
        return [walk(part) for part in thing] if isinstance(thing, list | tuple) else thing

    return walk(model.get_config())


def _refuse(thing: object) -> Any:
    raise TypeError(f"{thing!r} has no text")


def _parts(model: keras.Model) -> Iterator[Any]:
    """Everything whose class must be Keras's own."""
    yield from layers_of(model, itself=False)
    yield model.optimizer
    compiled = compile_options(model)
    for name in ("loss", "metrics", "weighted_metrics"):
        yield from _leaves(compiled.get(name))


def _leaves(thing: object) -> Iterator[Any]:
    if isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, list | tuple):
        for part in thing:
            yield from _leaves(part)
    else:
        yield thing


def _known(thing: object) -> bool:
    return thing is None or isinstance(thing, str) or of_keras(thing)

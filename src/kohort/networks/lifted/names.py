"""Names that do not depend on how many models a process has built before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kohort.networks.lifted.keras_private import compiled_metrics

if TYPE_CHECKING:
    import keras


def snake_case(name: str) -> str:
    """Keras's name of an object of a class, without a number.

    Examples
    --------
    >>> snake_case("AUC"), snake_case("KLDivergence"), snake_case("MeanSquaredError")
    ('auc', 'kl_divergence', 'mean_squared_error')
    """
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def stable_names(model: keras.Model, names: Sequence[str]) -> dict[str, str]:
    """Names of a model's logs, with those that Keras numbers by itself numbered within the model.

    Keras names the second `AUC()` of a process `auc_1`, whichever model it is of.
    """
    compiled = compiled_metrics(model)
    automatic = {}
    for metric in compiled.metrics if compiled is not None else ():
        base = snake_case(type(metric).__name__)
        if re.fullmatch(rf"{base}_\d+", metric.name):
            automatic[metric.name] = base
    stable: dict[str, str] = {}
    for name in names:
        found = next((n for n in automatic if name == n or name.endswith(f"_{n}")), None)
        base = name if found is None else name.removesuffix(found) + automatic[found]
        wanted, count = base, 0
        while wanted in stable.values():
            count += 1
            wanted = f"{base}_{count}"
        stable[name] = wanted
    return stable


def numbered_names(layers: Sequence[Any]) -> tuple[str, ...]:
    """Names of a model's layers, those that Keras numbers by itself numbered within the model.

    Names that would be the same get a number too.
    """
    names: list[str] = []
    for layer in layers:
        base = snake_case(type(layer).__name__)
        wanted = base if re.fullmatch(rf"{base}(_\d+)?", layer.name) else layer.name
        name, count = wanted, 1
        while name in names:
            count += 1
            name = f"{wanted}_{count}"
        names.append(name)
    return tuple(names)

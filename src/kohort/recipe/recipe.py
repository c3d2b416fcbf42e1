"""A recipe: every hyperparameter of one fit, resolved and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kohort.errors import ParameterError, explain
from kohort.recipe import initializers, losses
from kohort.recipe.constraints import (
    AnyOf,
    Constraint,
    Interval,
    OneOf,
    check,
    flag,
    optional,
    sequence_of,
)
from kohort.recipe.optimizers import OPTIMIZERS

_INFINITY = math.inf
_WIDTH = Interval(1, _INFINITY, whole=True)

ACTIVATIONS = (
    "relu leaky_relu elu selu softplus silu swish gelu mish tanh sigmoid softsign hard_sigmoid "
    "relu6 celu hard_silu hard_swish exponential linear"
).split()

CONSTRAINTS: dict[str, Constraint] = {
    "depth": Interval(0, _INFINITY, whole=True),
    "width": AnyOf((_WIDTH, sequence_of(_WIDTH))),
    "activation": OneOf(ACTIVATIONS),
    "kernel_initializer": OneOf(initializers.NAMES),
    "loss": OneOf(losses.names()),
    "optimizer": OneOf(OPTIMIZERS),
    "learning_rate": Interval(0, _INFINITY, closed="neither"),
    "momentum": Interval(0, 1),
    "weight_decay": optional(Interval(0, _INFINITY)),
    "dropout": Interval(0, 1),
    "l2": Interval(0, _INFINITY),
    "batch_size": Interval(1, _INFINITY, whole=True),
    "epochs": Interval(1, _INFINITY, whole=True),
    "early_stopping": flag(),
    "patience": Interval(0, _INFINITY, whole=True),
    "min_delta": Interval(0, _INFINITY),
}
"""Requirement of each field of a recipe, checked when `fit` is called."""

NUMBERS = (
    "momentum",
    "nesterov",
    "weight_decay",
    "dropout",
    "l2",
    "beta_1",
    "beta_2",
    "gain_1",
    "gain_2",
    "epsilon",
)
"""Fields that are arrays with a member axis in the compiled program, in column order."""


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of one fit, with every `"auto"` and None resolved.

    Attributes are the estimators' parameters of the same name; `units` is `depth` and `width`
    together, one width per hidden layer. Build one with `Recipe.of`.
    """

    units: tuple[int, ...]
    activation: str
    kernel_initializer: str
    loss: str
    optimizer: str
    learning_rate: float
    momentum: float
    weight_decay: float
    dropout: float
    l2: float
    batch_size: int
    epochs: int
    early_stopping: bool
    patience: int
    min_delta: float

    @classmethod
    def of(cls, **fields: Any) -> Recipe:
        """Check the fields (named as the estimators' parameters) and resolve them.

        Raises
        ------
        ParameterError
            If a field is out of range, of the wrong type or unknown.

        Examples
        --------
        >>> Recipe.of(**DEFAULTS, loss="mse").units
        (128, 128)
        """
        for name, value in fields.items():
            if name not in CONSTRAINTS:
                known = ", ".join(sorted(CONSTRAINTS))
                raise ParameterError(f"`{name}` is no field of a recipe. The fields are {known}.")
            check(name, value, CONSTRAINTS[name])
        depth = int(fields.pop("depth"))
        fields["units"] = _units(depth, fields.pop("width"))
        fields["kernel_initializer"] = initializers.resolve(
            fields["kernel_initializer"], fields["activation"]
        )
        fields["loss"] = losses.ALIASES.get(fields["loss"], fields["loss"])
        if fields["weight_decay"] is None:
            fields["weight_decay"] = OPTIMIZERS[fields["optimizer"]].weight_decay
        return cls(**fields)

    @property
    def uses(self) -> frozenset[str]:
        """Techniques that cost time in the program and that this recipe switches on."""
        switched = {
            "dropout": self.dropout > 0 and bool(self.units),
            "l2": self.l2 > 0,
            "weight_decay": self.weight_decay > 0,
        }
        return frozenset(name for name, on in switched.items() if on)

    def numbers(self) -> tuple[float, ...]:
        """The recipe's row of the number matrix, in the order of `NUMBERS`."""
        values: Mapping[str, float] = {
            "nesterov": 0.0,
            "beta_1": 0.9,
            "beta_2": 0.999,
            # 1 - beta in double precision: in single, 1 - 0.999 is wrong in its fifth digit.
            "gain_1": 1 - 0.9,
            "gain_2": 1 - 0.999,
            "epsilon": 1e-7,
            **{name: getattr(self, name) for name in ("momentum", "weight_decay", "dropout", "l2")},
            **dict(OPTIMIZERS[self.optimizer].fixed),
        }
        return tuple(float(values[name]) for name in NUMBERS)


def _units(depth: int, width: Any) -> tuple[int, ...]:
    if not hasattr(width, "__len__"):
        return (int(width),) * depth
    if len(width) != depth:
        raise ParameterError(
            explain(
                "width",
                f"one whole number, or one per hidden layer (depth={depth})",
                list(width),
                f"Set depth={len(width)} or give {depth} widths.",
            )
        )
    return tuple(int(units) for units in width)


DEFAULTS: dict[str, Any] = {
    "depth": 2,
    "width": 128,
    "activation": "relu",
    "kernel_initializer": "auto",
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": None,
    "dropout": 0.0,
    "l2": 0.0,
    "batch_size": 32,
    "epochs": 100,
    "early_stopping": True,
    "patience": 10,
    "min_delta": 0.0,
}
"""Default of each field that does not depend on the task."""

"""A recipe: every hyperparameter of one fit, resolved and checked."""

from __future__ import annotations

import math
from dataclasses import make_dataclass
from typing import Any

from kohort.errors import ParameterError, explain
from kohort.recipe import initializers, losses
from kohort.recipe.activations import default_alpha
from kohort.recipe.clipping import CLIPPINGS
from kohort.recipe.constraints import OneOf, check
from kohort.recipe.hyperparameters import DEFAULTS, PARAMETERS
from kohort.recipe.optimizers import NUMBERS_WITH_DEFAULT, OPTIMIZERS
from kohort.recipe.schedules import check_schedule

CONSTRAINTS = {parameter.name: parameter.constraint for parameter in PARAMETERS} | {
    "loss": OneOf(losses.names())
}
"""Requirement of each field of a recipe, checked when `fit` is called."""

NUMBERS = (
    "nesterov", "amsgrad", "centered", "weight_decay", "beta_2", "gain_2", "rho", "gain_rho",
    "epsilon", "ema_momentum", "averaged",
    *(parameter.name for parameter in PARAMETERS if parameter.column),
)  # fmt: skip
"""Columns of the number matrix: one row per member, constant during its training."""

LIMITS = (*CLIPPINGS, "max_norm")
"""Hyperparameters that are limits: infinite where none is set."""

_GIVEN = ("depth", "width")
_DERIVED = ("units", "loss")

_Fields: Any = make_dataclass(
    "_Fields",
    [*_DERIVED, *(name for name in DEFAULTS if name not in _GIVEN)],
    frozen=True,
)


class Recipe(_Fields):  # type: ignore[misc]
    """Hyperparameters of one fit, with every `"auto"` and None resolved.

    Attributes are the estimators' parameters of the same name; `units` is `depth` and `width`
    together, one width per hidden layer. A limit that is not set is infinite. Build one with
    `Recipe.of`.
    """

    @classmethod
    def of(cls, **fields: Any) -> Recipe:
        """Check the fields (named as the estimators' parameters) and resolve them.

        Fields that are not given take their default; `loss` has none.

        Raises
        ------
        ParameterError
            If a field is out of range, of the wrong type or unknown, or contradicts another.

        Examples
        --------
        >>> Recipe.of(loss="mse", depth=3, width=50).units
        (50, 50, 50)
        """
        for name, value in fields.items():
            if name not in CONSTRAINTS:
                known = ", ".join(sorted(CONSTRAINTS))
                raise ParameterError(f"`{name}` is no field of a recipe. The fields are {known}.")
            if name not in DEFAULTS or value is not DEFAULTS[name]:  # Defaults need no check.
                check(name, value, CONSTRAINTS[name])
        fields = {**DEFAULTS, **fields}
        _refuse_contradictions(fields)
        fields["units"] = _units(int(fields.pop("depth")), fields.pop("width"))
        fields["loss"] = losses.ALIASES.get(fields["loss"], fields["loss"])
        _resolve_network(fields)
        _resolve_optimizer(fields)
        for name in ("boundaries", "factors"):
            if fields[name] is not None:
                fields[name] = tuple(float(number) for number in fields[name])
        return cls(**fields)

    @property
    def uses(self) -> frozenset[str]:
        """Techniques that cost time in the program and that this recipe switches on."""
        hidden = bool(self.units)
        switched = {
            **{
                p.name: 0 < getattr(self, p.name) < math.inf and (hidden or p.compiled == "always")
                for p in PARAMETERS
                if p.compiled
            },
            **{name: getattr(self, name) > 0 for name in OPTIMIZERS[self.optimizer].options},
            "averaging": self.ema_momentum is not None,
            "freezing": self.freeze_epochs > 0 and hidden,
        }
        return frozenset(name for name, on in switched.items() if on)

    def numbers(self) -> tuple[float, ...]:
        """The recipe's row of the number matrix, in the order of `NUMBERS`."""
        derived = {
            "nesterov": 0.0,
            # 1 - beta in double precision: in single, 1 - 0.999 is wrong in its fifth digit.
            "gain_2": 1 - self.beta_2,
            "gain_rho": 1 - self.rho,
            "ema_momentum": self.ema_momentum or 0.0,
            "averaged": self.ema_momentum is not None,
            **dict(OPTIMIZERS[self.optimizer].fixed),
        }
        return tuple(float(derived.get(n, getattr(self, n, 0.0))) for n in NUMBERS)


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


def _resolve_network(fields: dict[str, Any]) -> None:
    """Defaults that follow from the activation."""
    chosen = fields["kernel_initializer"]
    depth = len(fields["units"])
    fields["kernel_initializer"] = initializers.resolve(chosen, fields["activation"], depth)
    if fields["output_initializer"] == "auto":
        fields["output_initializer"] = initializers.resolve(chosen, "linear", depth)
    if fields["activation_alpha"] is None:
        fields["activation_alpha"] = default_alpha(fields["activation"])


def _resolve_optimizer(fields: dict[str, Any]) -> None:
    """Defaults that follow from the optimizer; limits that are not set."""
    if fields["optimizer"] == "sgd" and fields["momentum"]:
        fields["optimizer"] = "momentum"  # Keras's SGD with momentum has a name of its own here.
    optimizer = OPTIMIZERS[fields["optimizer"]]
    for name in NUMBERS_WITH_DEFAULT:
        if fields[name] is None:
            fields[name] = optimizer.default(name)
    for name in LIMITS:
        if fields[name] is None:
            fields[name] = math.inf


def _refuse_contradictions(fields: dict[str, Any]) -> None:
    optimizer = OPTIMIZERS[fields["optimizer"]]
    for flag in ("amsgrad", "centered"):
        if fields[flag] and flag not in optimizer.options:
            wanted = " or ".join(repr(o.name) for o in OPTIMIZERS.values() if flag in o.options)
            requirement = f"False with optimizer={optimizer.name!r}"
            raise ParameterError(explain(flag, requirement, True, f"Use {wanted}."))
    for names, remedy in (
        (("clipvalue", "clipnorm", "global_clipnorm"), "Clip in one way; leave the others None."),
        (("batch_norm", "layer_norm"), "Normalise in one way; leave the other None."),
        (("dropout", "alpha_dropout"), "Drop units in one way; leave the other 0."),
    ):
        given = [name for name in names if fields[name]]
        if len(given) > 1:
            requirement = f"left out when {given[0]} is given"
            raise ParameterError(explain(given[1], requirement, fields[given[1]], remedy))
    alpha, activation = fields["activation_alpha"], fields["activation"]
    if alpha is not None and alpha <= 0 and activation in ("softplus", "celu"):
        requirement = f"above 0 with activation={activation!r}"
        raise ParameterError(explain("activation_alpha", requirement, alpha, "Use 1.0."))
    check_schedule(fields, DEFAULTS)

"""A hyperparameter, written down once: the field of a dataclass that says all there is to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any

from kohort.recipe.constraints import AnyOf, Constraint, Exactly, OneOf

ARRAY = "array"
STRUCTURE = "structure"
HOST = "host"


@dataclass(frozen=True)
class Parameter:
    """The entry of one hyperparameter.

    Attributes
    ----------
    name, technique : str
    kind : {"array", "structure", "host"}
        `"array"`: a number with a member axis, or what only changes arrays; any mix of values
        trains in one program. `"structure"`: each value has a program of its own. `"host"`: read
        between steps, outside any program.
    default : object
    constraint : Constraint
    type, text : str
        For the documentation: what values it takes, and what it does.
    column : bool
        Whether it is a column of the number matrix.
    compiled : {"", "always", "hidden"}
        Whether a program contains it only where a member switches it on (a finite number above 0),
        and where that needs a hidden layer.
    """

    name: str
    technique: str
    kind: str
    default: Any
    constraint: Constraint
    type: str
    text: str
    column: bool = False
    compiled: str = ""


def hyperparameter(
    default: Any,
    technique: str,
    kind: str,
    constraint: Constraint,
    text: str,
    *,
    shown: str = "",
    column: bool = False,
    compiled: str = "",
    kw_only: bool = False,
) -> Any:
    """A field of a dataclass that is a hyperparameter; see `Parameter` for the arguments.

    `shown` is the documented type where the field's annotation and constraint do not say it. A
    hyperparameter that came after a release is `kw_only`, so that the places of others stay.
    """
    known = {
        "technique": technique, "kind": kind, "constraint": constraint, "text": text,
        "type": shown, "column": column, "compiled": compiled,
    }  # fmt: skip
    return field(default=default, metadata={"hyperparameter": known}, kw_only=kw_only)


def table_of(owner: type[Any]) -> tuple[Parameter, ...]:
    """The hyperparameters among the fields of a dataclass, in their order."""
    return tuple(
        Parameter(name=entry.name, default=entry.default, **_typed(known, str(entry.type)))
        for entry in fields(owner)
        if (known := entry.metadata.get("hyperparameter")) is not None
    )


def _typed(known: dict[str, Any], annotation: str) -> dict[str, Any]:
    return {**known, "type": known["type"] or _shown(annotation, known["constraint"])}


def _shown(annotation: str, constraint: Constraint) -> str:
    """A type in the documentation's words: choices in braces, `"auto"` for any other text."""
    options = constraint.options if isinstance(constraint, AnyOf) else (constraint,)
    closed = [option for option in options if isinstance(option, OneOf)]
    if closed and all(isinstance(option, OneOf | Exactly) for option in options):
        names = ", ".join(f'"{name}"' for option in closed for name in option.names)
        return f"{{{names}}}" + (" or None" if len(options) > 1 else "")
    words = re.sub(r"Sequence\[(\w+)\]", r"list of \1", annotation).replace("str", '"auto"')
    return words.replace(" | ", " or ")

"""Write the table of docs/kernels.md, which compiler serves what: `python docs/kernels/table.py`.

Each value of each hyperparameter goes into a recipe, whose network the kernels are asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from kohort.engine.compilers.chain_program import lacks
from kohort.errors import ParameterError
from kohort.networks.own.network import OwnNetwork
from kohort.recipe.constraints import AnyOf, OneOf
from kohort.recipe.hyperparameter import Parameter
from kohort.recipe.hyperparameters import PARAMETERS
from kohort.recipe.losses import LOSSES
from kohort.recipe.optimizers import OPTIMIZERS
from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules import SCHEDULES

PAGE = Path(__file__).parent.parent / "kernels.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
PIECEWISE = {"schedule": "piecewise", "boundaries": [1.0]}


def choices(parameter: Parameter) -> list[str]:
    """Names among the values of a parameter."""
    options = parameter.constraint
    kinds = options.options if isinstance(options, AnyOf) else (options,)
    return [name for kind in kinds if isinstance(kind, OneOf) for name in kind.names]


def served(**fields: Any) -> bool:
    """Whether kernels train the network of a recipe."""
    recipe = Recipe.of(**{"loss": "mse", **fields})
    return not lacks(OwnNetwork.of(3, 1, recipe).dense)


def switched_on(parameter: Parameter) -> bool:
    """Whether kernels train a network that uses a parameter, beside whatever it needs."""
    owners = [o.name for o in OPTIMIZERS.values() if parameter.name in o.options]
    contexts: list[dict[str, Any]] = [{"optimizer": name} for name in owners]
    contexts += [{}, *({"schedule": name} for name in SCHEDULES), PIECEWISE]
    for context, value in product(contexts, (0.5, 1, True, [1.0], [1.0, 0.5])):
        try:
            return served(**{**context, parameter.name: value})
        except ParameterError:
            continue
    raise ValueError(f"no value for {parameter.name}")


def answers() -> Iterator[tuple[str, str, bool]]:
    """Technique, value or parameter, and whether kernels serve it."""
    for name in LOSSES:
        yield "loss", name, served(loss=name)
    for parameter in PARAMETERS:
        names = choices(parameter)
        if not names:
            yield parameter.technique, parameter.name, switched_on(parameter)
        for name in names:
            fields = {**(PIECEWISE if name == "piecewise" else {}), parameter.name: name}
            kernels = served(**fields)
            named = parameter.name if kernels else f'{parameter.name}="{name}"'
            text = name if parameter.name == parameter.technique else named
            yield parameter.technique, text, kernels


def table() -> str:
    """One row per technique: what kernels serve, and what XLA does."""
    cells: dict[str, tuple[list[str], list[str]]] = {}
    for technique, text, kernels in dict.fromkeys(answers()):
        cells.setdefault(technique, ([], []))[not kernels].append(f"`{text}`")
    lines = ["| technique | kernels | XLA |", "|---|---|---|"]
    lines += [
        f"| {technique} | {', '.join(ours)} | {', '.join(theirs)} |"
        for technique, (ours, theirs) in sorted(cells.items(), key=lambda cell: cell[0].lower())
    ]
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with the table of this version between its marks."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))

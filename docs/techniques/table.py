"""Write the table of techniques into docs/techniques/README.md: `python docs/techniques/table.py`.

The table is drawn from the parameters' own table, the one that `fit` checks values against.
"""

from __future__ import annotations

from pathlib import Path

from kohort.estimators.dense.parameters import DenseParameters
from kohort.recipe.hyperparameter import table_of

PAGE = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def table() -> str:
    """One row per parameter: technique, parameter, default, array or structure."""
    lines = ["| technique | parameter | default | cost of another value |", "|---|---|---|---|"]
    words = {"array": "array: none", "structure": "structure: a program", "host": "host: none"}
    for parameter in sorted(table_of(DenseParameters), key=lambda p: p.technique):
        lines.append(
            f"| {parameter.technique} | `{parameter.name}` | `{parameter.default!r}` "
            f"| {words[parameter.kind]} |"
        )
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with the table of this version between its marks."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{table()}\n\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))

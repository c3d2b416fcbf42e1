"""Pages made from the code: a page for each public name, in groups by the room it lives in."""

from __future__ import annotations

import inspect
from collections import defaultdict

import kohort

_ROOMS = {
    "kohort.cohort": "Training together",
    "kohort.engine": "Training together",
    "kohort.estimators": "Estimators",
    "kohort.searches": "Searches, tables and ensembles",
    "kohort.studies": "Questions about a training",
    "kohort.data": "Data",
    "kohort.report": "Reports, pictures and trackers",
    "kohort.errors": "Errors and warnings",
}
_REST = "More"


def groups() -> dict[str, list[str]]:
    """Public names under the heading of the room that their module is in."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(kohort.__all__, key=str.lower):
        module = inspect.getmodule(getattr(kohort, name))
        room = ".".join(module.__name__.split(".")[:2]) if module else ""
        found[_ROOMS.get(room, _REST)].append(name)
    order = [*dict.fromkeys(_ROOMS.values()), _REST]
    return {heading: found[heading] for heading in order if heading in found}


def summary(name: str) -> str:
    """The first sentence of a public name's docstring."""
    first = (inspect.getdoc(getattr(kohort, name)) or "").split("\n\n")[0]
    return " ".join(first.split())


def _page(name: str) -> str:
    value = getattr(kohort, name)
    head = f"{name}\n{'=' * len(name)}\n\n.. currentmodule:: kohort\n\n"
    if inspect.ismodule(value):
        return f"{head}.. automodule:: kohort.{name}\n   :members:\n"
    if inspect.isclass(value):
        return f"{head}.. autoclass:: {name}\n   :members:\n   :inherited-members:\n"
    return f"{head}.. autofunction:: {name}\n"


def pages() -> dict[str, str]:
    """Each page of the reference by its place in the tree; `reference/index.md` lists them."""
    made = {f"reference/{name}.rst": _page(name) for name in kohort.__all__}
    lines = []
    for heading, names in groups().items():
        lines += [f"## {heading}\n", "| name | |", "|---|---|"]
        lines += [f"| [`{name}`]({name}.rst) | {_cell(summary(name))} |" for name in names]
        lines += ["", ":::{toctree}", ":hidden:", "", *names, ":::", ""]
    made["reference/names.txt"] = "\n".join(lines)
    return made


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def without_example() -> list[str]:
    """Public names whose docstring shows no example."""
    documented = {name: inspect.getdoc(getattr(kohort, name)) or "" for name in kohort.__all__}
    return [name for name, text in documented.items() if ">>> " not in text]

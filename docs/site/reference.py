"""Pages made from the code: a page for each public name, in groups by the room it lives in."""

from __future__ import annotations

import inspect
from collections import defaultdict
from operator import attrgetter

import kohort
import kohort.lab

_ROOMS = {
    "kohort.cohort": "Training together",
    "kohort.engine": "Training together",
    "kohort.estimators": "Estimators",
    "kohort.searches": "Searches, tables and ensembles",
    "kohort.studies": "Questions about a training",
    "kohort.data": "Data",
    "kohort.report": "Reports, pictures and trackers",
    "kohort.lab": "The lab",
    "kohort.errors": "Errors and warnings",
}
_REST = "More"


def names() -> list[str]:
    """Every public name, as it is written after `kohort.`."""
    return [*kohort.__all__, *(f"lab.{name}" for name in kohort.lab.__all__)]


def _value(name: str) -> object:
    return attrgetter(name)(kohort)


def groups() -> dict[str, list[str]]:
    """Public names under the heading of the room that their module is in."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names(), key=str.lower):
        module = inspect.getmodule(_value(name))
        room = ".".join(module.__name__.split(".")[:2]) if module else ""
        found[_ROOMS.get(room, _REST)].append(name)
    order = [*dict.fromkeys(_ROOMS.values()), _REST]
    return {heading: found[heading] for heading in order if heading in found}


def summary(name: str) -> str:
    """The first sentence of a public name's docstring."""
    first = (inspect.getdoc(_value(name)) or "").split("\n\n")[0]
    return " ".join(first.split())


def _page(name: str) -> str:
    kind = "class" if inspect.isclass(_value(name)) else "function"
    module, _, short = f"kohort.{name}".rpartition(".")
    members = "   :members:\n   :inherited-members:\n" if kind == "class" else ""
    head = f"{name}\n{'=' * len(name)}\n\n.. currentmodule:: {module}\n\n"
    return f"{head}.. auto{kind}:: {short}\n{members}"


def pages() -> dict[str, str]:
    """Each page of the reference by its place in the tree; `reference/index.md` lists them."""
    made = {f"reference/{name}.rst": _page(name) for name in names()}
    lines = []
    for heading, group in groups().items():
        lines += [f"## {heading}\n", "| name | |", "|---|---|"]
        lines += [f"| [`{name}`]({name}.rst) | {_cell(summary(name))} |" for name in group]
        lines += ["", ":::{toctree}", ":hidden:", "", *group, ":::", ""]
    made["reference/names.txt"] = "\n".join(lines)
    return made


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def without_example() -> list[str]:
    """Public names whose docstring shows no example."""
    documented = {name: inspect.getdoc(_value(name)) or "" for name in names()}
    return [name for name, text in documented.items() if ">>> " not in text]

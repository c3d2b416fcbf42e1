"""A page as a notebook and as a script: prose and code in the page's order."""

from __future__ import annotations

import doctest
import json
import re

_BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$\n?", re.M | re.S)
_FRONT = re.compile(r"\A---\n.*?^---\n", re.M | re.S)
_DIRECTIVE = re.compile(r"^(:{3,})\{.*?^\1$\n?", re.M | re.S)


def cells(page: str) -> list[tuple[str, str]]:
    """The page in parts, each `"markdown"` or `"code"`, with its text.

    Prompts and outputs of examples are left out; a line for a terminal begins with `!`.
    """
    text = _DIRECTIVE.sub("", _FRONT.sub("", page))
    parts, at = [], 0
    for block in _BLOCK.finditer(text):
        parts += [("markdown", text[at : block.start()].strip()), ("code", _code(*block.groups()))]
        at = block.end()
    parts.append(("markdown", text[at:].strip()))
    return [(kind, part) for kind, part in parts if part]


def _code(kind: str, block: str) -> str:
    if kind == "console":
        return "\n".join("!" + line[2:] for line in block.splitlines() if line.startswith("$ "))
    if block.startswith(">>> "):
        return "".join(
            example.source for example in doctest.DocTestParser().get_examples(block)
        ).strip()
    return block.strip()


def notebook(page: str) -> str:
    """The page as the JSON of a Jupyter notebook."""
    made = []
    for number, (kind, text) in enumerate(cells(page)):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def script(page: str) -> str:
    """The page as a Python script, with the prose and what is for a terminal as comments."""
    parts = []
    for kind, text in cells(page):
        comment = kind == "markdown" or text.startswith("!")
        parts.append(re.sub(r"^(?=.)", "# ", text, flags=re.M) if comment else text)
    return "\n\n".join(parts) + "\n"

"""The page as HTML: facts, texts and programs put into one file."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from kohort.errors import KohortError, ParameterError, explain
from kohort.style import COLORS

LANGUAGES = ("en", "ko")

_PROGRAM = (
    "base", "data", "state", "theme", "chart", "board", "ensemble", "curves", "parallel", "effects",
    "schedule", "diagnosis", "run", "live", "main",
)  # fmt: skip
"""JavaScript files, which share one scope, in the order in which they build on each other."""


def page(facts: dict[str, Any], language: str = "en", served: bool = False) -> str:
    """The page about a search, complete in itself.

    Parameters
    ----------
    facts : dict
        From `kohort.report.page.facts.facts`.
    language : {"en", "ko"}, default="en"
        To begin with; the reader may change it.
    served : bool, default=False
        Whether a server answers the page's questions for news.

    Returns
    -------
    str
        HTML that asks no other server for anything, which its content security policy enforces.

    Raises
    ------
    ParameterError
        If the language is unknown.
    KohortError
        If Plotly is not installed.
    """
    check_language(language)
    return Template(_file("page.html")).substitute(
        language=language,
        connect="'self'" if served else "'none'",
        style=_file("style.css"),
        facts=_embedded(facts),
        messages=_embedded({name: messages(name) for name in LANGUAGES}),
        palette=_embedded(COLORS),
        program=_program(),
        plotly=_plotly(),
    )


def check_language(language: str) -> None:
    """Raise `ParameterError` unless there are texts in the language."""
    if language not in LANGUAGES:
        choices = " or ".join(map(repr, LANGUAGES))
        raise ParameterError(explain("language", choices, language))


@cache
def messages(language: str) -> dict[str, str]:
    """All texts of the page in one language."""
    text = (files(__package__) / "messages" / f"{language}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@cache
def _file(name: str) -> str:
    return (files(__package__) / "template" / name).read_text(encoding="utf-8")


def _program() -> str:
    parts = "\n".join(_file(f"{name}.js") for name in _PROGRAM)
    return f'(() => {{\n"use strict";\n{parts}}})();'


def _embedded(document: object) -> str:
    """JSON that can stand in a script element, whatever texts it holds."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise KohortError(
            'A report needs Plotly, which is not installed. Run: pip install "kohort[report]"'
        ) from error
    return str(get_plotlyjs())

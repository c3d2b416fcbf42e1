"""The claims of `kohort lab` on the site, made from `docs/lab/results`.

A page says where a claim goes: `<!-- claim: warm-up -->` becomes its verdict, picture and figures.
`<!-- claims -->` becomes the table of all verdicts. A claim that no page names gets a page of its
own in `lab/`.
"""

from __future__ import annotations

import os
import re
import tempfile
from functools import cache
from pathlib import Path

from docs.site.pages import DOCS

from kohort.lab import Result, read_result
from kohort.lab.page import block, index, page
from kohort.lab.pictures import draw
from kohort.lab.words import Language
from kohort.style import COLORS

RESULTS = DOCS / "lab" / "results"
_CLAIM = re.compile(r"^<!-- claim: ([\w-]+) -->$", re.M)
_INDEX = "<!-- claims -->"
PHONE = ".phone.svg"
"""Ending of the picture that takes the place of `.svg` on a narrow screen; see `conf.py`."""
_TESTED = {"en": "Tested", "ko": "시험 결과"}
# Colours of paper, and what they become where a page may be dark: `kohort.css` has lighter ones.
_INK = {
    "#ffffff": "none", "#1f2933": "currentColor", "#e4e9ee": "#88888840", "#b8c2cc": "#888888",
    **{color: f"var(--drawing-{place}, {color})" for place, color in enumerate(COLORS)},
}  # fmt: skip


@cache
def results() -> dict[str, Result]:
    """Every result by the name of its claim, in the order of the claims."""
    found = [read_result(file) for file in RESULTS.glob("*.json")]
    return {one.claim.name: one for one in sorted(found, key=lambda one: one.claim.number)}


def filled(texts: dict[str, str], language: Language) -> dict[str, str]:
    """The pages of a tree with their claims filled in; pages and pictures that this adds.

    Parameters
    ----------
    texts : dict of str to str
        Markdown by place in the tree.
    language : "en" or "ko"
    """
    home = {name: at for at, text in texts.items() for name in _CLAIM.findall(text)}
    own = {name: f"lab/{name}.md" for name in results() if name not in home}
    places = home | own
    made = {
        f"lab/pictures/{name}{ending}": _picture(name, language, ending == PHONE)
        for name in results()
        for ending in (".svg", PHONE)
    }
    for at, text in texts.items():

        def told(match: re.Match[str], at: str = at) -> str:
            name = match[1]
            result = results()[name]
            body = block(
                result, language, _seen(f"lab/pictures/{name}.svg", at), level=3, remark=True
            )
            return f"## {_TESTED[language]}: {result.claim.title.of(language)}\n\n{body}"

        new = _CLAIM.sub(told, text)
        if _INDEX in new:
            links = {name: _seen(place, at) for name, place in places.items()}
            listed = index(list(results().values()), language, links)
            hidden = "\n".join(Path(place).stem for place in own.values())
            toctree = f"\n\n:::{{toctree}}\n:hidden:\n\n{hidden}\n:::\n" if hidden else ""
            new = new.replace(_INDEX, listed + toctree)
        if new != text:
            made[at] = new
    for name, at in own.items():
        made[at] = page(results()[name], language, f"pictures/{name}.svg", remark=True)
    return made


def _seen(target: str, at: str) -> str:
    """A place in the tree as a page links to it."""
    return os.path.relpath(target, Path(at).parent)


@cache
def _picture(name: str, language: Language, phone: bool) -> str:
    result, shown = results()[name], "drawing narrow" if phone else "drawing wide"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.svg")
        draw(result.claim, result.outcomes, language, path, phone=phone)
        text = path.read_text("utf-8")
    for color, adapted in _INK.items():
        text = text.replace(color, adapted)
    return text[text.index("<svg") :].replace("<svg ", f'<svg class="{shown}" ', 1)

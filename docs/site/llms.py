"""`llms.txt`: the site's pages in a list that a language model can read (llmstxt.org)."""

from __future__ import annotations

import re

from docs.site import pages, reference

_FOLDERS = {
    "": "The library",
    "tutorials": "Tutorials",
    "howto": "How-to guides",
    "lab": "Claims, tested",
    "techniques": "Techniques",
    "explanations": "Explanations",
    "results": "Figures",
    "contributing": "Contributing",
}


def first_sentence(text: str) -> str:
    """The first sentence of a page's first paragraph, without links and marks."""
    body = re.sub(r"^(```|:::).*?^\1`*:*$", "", text, flags=re.M | re.S)
    parts = (part for part in body.split("\n\n") if "{download}" not in part)
    prose = [part for part in parts if re.match(r"[\w\"*`\[]", part.lstrip("\n"))]
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(prose[0].split())) if prose else ""
    return re.split(r"(?<=[.?!]) ", plain.replace("**", ""))[0]


def llms(tree: dict[str, str]) -> str:
    """The list, from the texts of all English pages by their place in the tree."""
    lines = ["# kohort", "", f"> {first_sentence(tree['index.md'])}", ""]
    for folder, heading in _FOLDERS.items():
        inside = [at for at in tree if at.rpartition("/")[0] == folder and at.endswith(".md")]
        if inside:
            lines += [f"## {heading}", "", *(_line(at, tree[at]) for at in inside), ""]
    lines += ["## Public names", ""]
    for name in (name for group in reference.groups().values() for name in group):
        lines.append(f"- [kohort.{name}](reference/{name}.html): {reference.summary(name)}")
    return "\n".join(lines) + "\n"


def _line(at: str, text: str) -> str:
    return f"- [{pages.title(text)}]({at}): {first_sentence(text)}"

"""From files of the repository to the tree of sources that Sphinx builds, in one language.

A page keeps its place: `docs/store.md` becomes `store.md`, its Korean twin `docs/ko/store.md` the
same name in the Korean tree. Links lead to wherever their target went.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"
LANGUAGES = ("en", "ko")

_MOVED = {
    "README.md": "index.md",
    "README.ko.md": "index.md",
    "CONTRIBUTING.md": "contributing/code.md",
    "CHANGELOG.md": "release_notes.md",
    "benchmarks/results": "results/index.md",
}
_PREFIXES = (("docs/ko/", ""), ("docs/", ""), ("benchmarks/results/", "results/"))
_SHOWN = {".md", ".png", ".svg"}
_LINK = re.compile(r"(\]\()([^)#\s:]+)((?:#[^)\s]*)?\))")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.M | re.S)
UNTRANSLATED = "\n:::{note}\n이 페이지는 아직 한국어로 번역되지 않아 영어로 보여 드립니다.\n:::\n"


def place(path: str) -> str:
    """Where a file of the repository stands in the tree; what has no place becomes a download."""
    if path in _MOVED:
        return _MOVED[path]
    for prefix, new in _PREFIXES:
        if path.startswith(prefix) and Path(path).suffix in _SHOWN:
            return re.sub(r"README\.md$", "index.md", new + path.removeprefix(prefix))
    return f"files/{path}"


def relinked(text: str, path: str, at: str, linked: set[str]) -> str:
    """A page's text with links that hold where the page stands now.

    Parameters
    ----------
    text : str
        The Markdown.
    path, at : str
        Where it is read in the repository, and where it is written in the tree.
    linked : set of str
        Gains the files of the repository that the page links to.

    Raises
    ------
    FileNotFoundError
        If a link leads nowhere.
    """

    def moved(match: re.Match[str]) -> str:
        target = os.path.normpath(Path(path).parent / match[2])
        if not (TOP / target).exists():
            raise FileNotFoundError(f"{path} links to {match[2]}, which does not exist.")
        linked.add(target)
        return match[1] + os.path.relpath(place(target), Path(at).parent) + match[3]

    parts = _CODE.split(text)
    return "".join(part if i % 2 else _LINK.sub(moved, part) for i, part in enumerate(parts))


def sources(language: str) -> dict[str, Path]:
    """Each page and picture of the tree: its place, and the file that it is read from."""
    found: dict[str, Path] = {}
    for root in (DOCS, DOCS / "ko") if language == "ko" else (DOCS,):
        for file in sorted(root.rglob("*")):
            is_twin = root == DOCS and file.is_relative_to(DOCS / "ko")
            if (
                file.suffix in _SHOWN
                and not is_twin
                and "site" not in file.parts[len(DOCS.parts) :]
            ):
                found[place(file.relative_to(TOP).as_posix())] = file
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        found.setdefault(place(name), TOP / name)
    return found


def title(text: str) -> str:
    """The first heading of a page."""
    return next(line[2:].strip() for line in text.splitlines() if line.startswith("# "))


def after_title(text: str, more: str) -> str:
    """A page with something more below its first heading."""
    return re.sub(r"^(# .*\n)", lambda m: m[1] + more, text, count=1, flags=re.M)


def write(path: Path, content: bytes) -> None:
    """Write a file if it is not so already: Sphinx builds anew what is newer than its page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)

"""Korean twins of English pages: which are missing, and which are older than their source.

`docs/ko/start.md` translates `docs/start.md`. Its front matter holds a hash of the English page
that it was made from: `python -m docs.site.translations stamp docs/ko/start.md` writes it, and
`python -m docs.site.translations` says what is missing or out of date.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from docs.site.pages import DOCS, TOP

_MADE = re.compile(r"^<!-- (\w+): begin -->$.*?^<!-- \1: end -->$", re.M | re.S)
_FRONT = re.compile(r"\A---\n.*?^---\n", re.M | re.S)
_GENERATED = ("lab/",)  # The program that writes these pages writes both languages.
_OUTSIDE = {  # Pages of the site from elsewhere.
    "CONTRIBUTING.md": "contributing/code.md",
    "CHANGELOG.md": "release_notes.md",
}


@dataclass
class State:
    """English pages without a twin; twins of an older source; twins without a source."""

    missing: list[str]
    stale: list[str]
    orphaned: list[str]


def twins(docs: Path = DOCS) -> dict[Path, Path]:
    """Each English page that is translated by hand, and where its Korean twin stands."""
    pages = (page.relative_to(docs) for page in sorted(docs.rglob("*.md")))
    inside = {
        docs / page: docs / "ko" / page
        for page in pages
        if not page.as_posix().startswith(("ko/", *_GENERATED))
    }
    outside = ((docs.parent / page, docs / "ko" / twin) for page, twin in _OUTSIDE.items())
    return inside | {source: twin for source, twin in outside if source.exists()}


def written(text: str) -> str:
    """A page without what is generated in it, between comments `NAME: begin` and `NAME: end`."""
    return _MADE.sub("", text)


def digest(page: Path) -> str:
    """Twelve digits of the SHA-256 of what people have written on a page."""
    return hashlib.sha256(written(page.read_text("utf-8")).encode()).hexdigest()[:12]


def with_made(twin: str, source: str) -> str:
    """A twin with the generated parts of its source, which a translation leaves empty."""
    made = {part[1]: part[0] for part in _MADE.finditer(source)}
    return _MADE.sub(lambda part: made.get(part[1], part[0]), twin)


def stamped(twin: str, source: Path) -> str:
    """A twin's text with the hash of its source in its front matter."""
    return f"---\nsource: {digest(source)}\n---\n" + _FRONT.sub("", twin)


def state(docs: Path = DOCS) -> State:
    """Find the missing, stale and orphaned translations."""
    pairs = twins(docs)
    there = {source: twin for source, twin in pairs.items() if twin.exists()}
    stale = [t for s, t in there.items() if f"\nsource: {digest(s)}\n" not in t.read_text("utf-8")]
    generated = tuple(str(docs / "ko" / name) for name in _GENERATED)
    orphaned = [
        page
        for page in sorted((docs / "ko").rglob("*.md"))
        if page not in pairs.values() and not str(page).startswith(generated)
    ]
    missing = [source for source, twin in pairs.items() if source not in there]
    return State(*([page.relative_to(docs.parent).as_posix() for page in part]
                   for part in (missing, stale, orphaned)))  # fmt: skip


def report(found: State) -> str:
    """A line for each page that wants a translator."""
    lines = [f"{page}: has no Korean twin yet" for page in found.missing]
    lines += [f"{page}: is older than its English source" for page in found.stale]
    lines += [f"{page}: translates a page that does not exist" for page in found.orphaned]
    return "\n".join(lines)


def main() -> int:
    """Stamp the pages named, or say what is missing; 1 where a page is stale or orphaned."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("stamp").add_argument("page", nargs="+", type=Path)
    options = parser.parse_args()
    sources = {twin: source for source, twin in twins().items()}
    for page in options.page if options.command == "stamp" else ():
        twin = TOP / page
        twin.write_text(stamped(twin.read_text("utf-8"), sources[twin]), "utf-8")
    found = state()
    print(report(found))
    return bool(found.stale or found.orphaned)


if __name__ == "__main__":
    raise SystemExit(main())

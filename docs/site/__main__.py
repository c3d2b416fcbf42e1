"""Build the site: `python -m docs.site` (or `make docs`) writes `build/site`.

Each language is a tree of sources under `build/docs`: pages that people wrote, and pages that are
made here from code, results and the changelog. Sphinx builds it with warnings as errors. The build
stops where a translation is older than its English page.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from docs.site import lab, llms, notebooks, pages, reference, results, translations

BUILD = pages.TOP / "build"
_DOWNLOADS = {
    "en": "Download this page: {download}`notebook <%s.ipynb>`, {download}`script <%s.py>`.",
    "ko": "이 페이지 내려받기: {download}`노트북 <%s.ipynb>`, {download}`스크립트 <%s.py>`.",
}


def written(language: str) -> tuple[dict[str, str], set[str]]:
    """Pages that people wrote, by their place in the tree, and the files that they link to."""
    made, linked = {}, set[str]()
    sources = {twin: source for source, twin in translations.twins().items()}
    for at, file in pages.sources(language).items():
        if file.suffix != ".md":
            continue
        path = file.relative_to(pages.TOP).as_posix()
        text = pages.relinked(file.read_text("utf-8"), path, at, linked)
        if file in sources:
            source = sources[file]
            place = source.relative_to(pages.TOP).as_posix()
            english = pages.relinked(source.read_text("utf-8"), place, at, linked)
            text = translations.with_made(text, english)
        is_english = not path.startswith("docs/ko/")
        if language != "en" and is_english and not at.startswith("lab/"):
            text = pages.after_title(text, pages.UNTRANSLATED)
        if at.startswith("tutorials/") and not at.endswith("index.md"):
            made |= _downloads(at, text)
            stem = Path(at).stem
            text = pages.after_title(text, f"\n{_DOWNLOADS[language] % (stem, stem)}\n")
        made[at] = text
    return made, linked


def texts(language: str) -> tuple[dict[str, str], set[str]]:
    """Every page of a language by its place in the tree, and the files that pages link to."""
    made, linked = written(language)
    names = reference.pages()
    made["reference/index.md"] += "\n" + names.pop("reference/names.txt")
    made |= lab.filled(made, language)
    return made | names | results.pages(language), linked


def _downloads(at: str, text: str) -> dict[str, str]:
    stem = at.removesuffix(".md")
    return {f"{stem}.ipynb": notebooks.notebook(text), f"{stem}.py": notebooks.script(text)}


def write_tree(language: str, tree: Path) -> dict[str, str]:
    """Write a language's sources; the texts of its pages."""
    made, linked = texts(language)
    files = {at: text.encode() for at, text in made.items()}
    for at, file in pages.sources(language).items():
        if file.suffix != ".md":
            files[at] = file.read_bytes()
    words = Path(__file__).with_name(f"theme.{language}.po")
    if words.exists():
        files[f"locale/{language}/LC_MESSAGES/sphinx.po"] = words.read_bytes()
    for path in linked:
        at = pages.place(path)
        if at not in files and (pages.TOP / path).is_file():
            files[at] = (pages.TOP / path).read_bytes()
    for old in tree.rglob("*") if tree.exists() else ():
        if old.is_file() and old.relative_to(tree).as_posix() not in files:
            old.unlink()
    for at, content in files.items():
        pages.write(tree / at, content)
    return made


def build(language: str, out: Path) -> None:
    """Build one language into its folder.

    Raises
    ------
    CalledProcessError
        If Sphinx warns of anything.
    """
    tree = BUILD / "docs" / language
    made = write_tree(language, tree)
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "-n"]
    conf = Path(__file__).parent
    subprocess.run(
        [*command, "-c", str(conf), "-d", str(tree.with_suffix(".trees")), str(tree), str(out)],
        check=True,
        env={**os.environ, "KOHORT_DOCS_LANGUAGE": language, "KERAS_BACKEND": "jax"},
    )
    if language == "en":
        (out / "llms.txt").write_text(llms.llms(made), "utf-8")
        for at, text in made.items():
            if at.endswith(".md"):
                pages.write(out / at, text.encode())


def main() -> int:
    """Build what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", choices=pages.LANGUAGES, action="append")
    parser.add_argument("--clean", action="store_true", help="forget what was built before")
    options = parser.parse_args()
    found = translations.state()
    if told := translations.report(found):
        print(told, flush=True)
    if found.stale or found.orphaned:
        return 1
    if options.clean:
        for folder in (BUILD / "site", BUILD / "docs"):
            shutil.rmtree(folder, ignore_errors=True)
    for language in options.language or pages.LANGUAGES:
        build(language, BUILD / "site" / ("" if language == "en" else language))
    print(f"build/site/index.html: {', '.join(options.language or pages.LANGUAGES)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Korean pages and messages use the words of the glossary in docs/style.md."""

from pathlib import Path

import pytest

_TOP = Path(__file__).parents[1]
_GLOSSARY = _TOP / "docs" / "ko" / "style.md"
_KOREAN = [
    *(path for path in (_TOP / "docs" / "ko").rglob("*") if path.suffix in (".md", ".svg")),
    _TOP / "README.ko.md",
    *(_TOP / "src" / "kohort" / "lab").rglob("*.py"),
    *(_TOP / "src" / "kohort").rglob("ko.json"),
    *(path for path in (_TOP / "docs" / "site").iterdir() if path.suffix in (".py", ".po")),
]
_KOREAN.remove(_GLOSSARY)


def _rejected(page):
    """Words of the last column of the glossary, the page's last table."""
    table = page.read_text("utf-8").rpartition("|---|---|---|\n")[2]
    rows = (line.split("|")[3] for line in table.splitlines())
    return [word.strip() for row in rows for word in row.split(",") if word.strip()]


def test_the_glossary_is_the_same_in_both_languages():
    words = _rejected(_GLOSSARY)
    assert "과적합" in words
    assert words == _rejected(_TOP / "docs" / "style.md")


@pytest.mark.parametrize("word", _rejected(_GLOSSARY))
def test_no_page_or_message_has_a_word_that_the_glossary_rejects(word):
    assert len(_KOREAN) > 100
    found = [str(path.relative_to(_TOP)) for path in _KOREAN if word in path.read_text("utf-8")]
    assert not found, f"{word}: docs/style.md has the word to use"

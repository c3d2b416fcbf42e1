"""The site: complete, current in both languages, and made from what the repository has."""

import ast
import doctest
import json
import re
import shlex

import pytest
from docs.site import llms, notebooks, pages, reference, results, translations

import kohort

korean_search = pytest.importorskip("docs.site.korean_search", exc_type=ImportError)

_TWINS = [(source, twin) for source, twin in translations.twins().items() if twin.exists()]


def test_every_page_has_a_translation_that_is_not_older():
    found = translations.state()
    assert found == translations.State([], [], []), translations.report(found)


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    (folder / "ko").mkdir(parents=True)
    (folder / "page.md").write_text("# Page\n")
    (folder / "ko" / "page.md").write_text("# 쪽\n")
    return folder


def test_a_translation_is_current_until_its_source_changes(docs):
    source, twin = docs / "page.md", docs / "ko" / "page.md"
    assert translations.state(docs).stale == ["docs/ko/page.md"]
    twin.write_text(translations.stamped(twin.read_text(), source))
    assert translations.state(docs) == translations.State([], [], [])
    twin.write_text(translations.stamped(twin.read_text(), source))  # Again: one front matter.
    assert twin.read_text().count("---\n") == 2
    source.write_text("# Page\n\nMore.\n")
    assert translations.state(docs).stale == ["docs/ko/page.md"]


def test_what_is_generated_makes_no_translation_old_and_is_taken_from_the_source(docs):
    source, twin = docs / "page.md", docs / "ko" / "page.md"
    made = "<!-- table: begin -->\n{}\n<!-- table: end -->\n"
    source.write_text("# Page\n" + made.format("| 1 |"))
    twin.write_text(translations.stamped("# 쪽\n" + made.format(""), source))
    source.write_text("# Page\n" + made.format("| 2 |"))
    assert translations.state(docs).stale == []
    assert "| 2 |" in translations.with_made(twin.read_text(), source.read_text())


def test_pages_without_a_twin_and_twins_without_a_page_are_told(docs):
    (docs / "new.md").write_text("# New\n")
    (docs / "ko" / "old.md").write_text("# 옛것\n")
    found = translations.state(docs)
    assert (found.missing, found.orphaned) == (["docs/new.md"], ["docs/ko/old.md"])
    assert "docs/new.md: has no Korean twin yet" in translations.report(found)


def _code(page):
    """The code of a page: Python without comments, examples with their results, commands."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```(python|console)\n(.*?)^```$", text, re.M | re.S)
    for kind, block in blocks:
        if kind == "console":
            yield [shlex.split(line, comments=True) for line in block.splitlines()]
        elif block.startswith(">>> "):
            examples = doctest.DocTestParser().get_examples(block)
            yield [(ast.dump(ast.parse(e.source)), e.want) for e in examples]
        else:
            yield ast.dump(ast.parse(block))


@pytest.mark.parametrize(("source", "twin"), _TWINS, ids=lambda page: page.stem)
def test_a_translation_has_the_code_of_its_source(source, twin):
    assert list(_code(source)) == list(_code(twin))


@pytest.mark.parametrize(
    ("source", "twin"),
    [pair for pair in _TWINS if pair[1].stem != "release_notes"],  # Those have a summary first.
    ids=lambda page: page.stem,
)
def test_a_translation_has_the_outline_of_its_source(source, twin):
    def outline(page):
        text = translations.written(page.read_text("utf-8"))
        text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        return re.findall(r"^(#+(?= )|-(?= )|:::+|\|)", text, re.M)

    assert outline(source) == outline(twin)


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_every_link_of_a_page_leads_somewhere(language):
    from docs.site.__main__ import written

    made, _ = written(language)  # Raises where a link leads nowhere.
    assert {"index.md", "start.md", "release_notes.md", "contributing/code.md"} <= set(made)


def test_korean_release_notes_summarise_in_korean_and_have_the_english_text():
    from docs.site.__main__ import written

    english, korean = (written(language)[0]["release_notes.md"] for language in pages.LANGUAGES)
    section = english[english.index("## 0.1.0") :]
    assert section in korean
    assert len(re.findall("[가-힣]", korean.replace(section, ""))) > 300
    assert pages.UNTRANSLATED not in korean


def test_links_hold_where_a_page_stands_on_the_site():
    linked = set()
    text = "[a](../README.md) [b](../benchmarks/results/peers.md#x) `[c](no)` [d](https://e.f)"
    text += " [g](../Makefile)"
    moved = pages.relinked(text, "docs/start.md", "start.md", linked)
    assert moved == (
        "[a](index.md) [b](results/peers.md#x) `[c](no)` [d](https://e.f) [g](files/Makefile)"
    )
    assert linked == {"README.md", "benchmarks/results/peers.md", "Makefile"}
    korean = pages.relinked("[a](../store.md)", "docs/ko/start.md", "start.md", linked)
    assert korean == "[a](store.md)"


def test_a_link_that_leads_nowhere_is_named():
    with pytest.raises(FileNotFoundError, match=r"docs/start.md links to nowhere.md"):
        pages.relinked("[a](nowhere.md)", "docs/start.md", "start.md", set())


def test_every_public_name_has_a_page_and_stands_in_the_index_once():
    made = reference.pages()
    listed = [name for names in reference.groups().values() for name in names]
    assert sorted(listed) == sorted(reference.names())
    assert set(kohort.__all__) < set(reference.names())
    assert {f"reference/{name}.rst" for name in reference.names()} <= set(made)


def test_every_public_name_shows_an_example():
    assert reference.without_example() == []


def test_the_figures_are_those_of_the_results():
    result = json.loads((results.RESULTS / "peers.json").read_text())
    peer, ratio = next(iter(result["ratios"].items()))
    line = f"[{result['title']}](peers.md)\n\n- **{ratio:.1f} times** as fast as {peer} (wanted: "
    assert line in results.pages("en")["results/index.md"]
    assert f"{peer}보다 **{ratio:.1f}배** 빠릅니다" in results.pages("ko")["results/index.md"]


_PAGE = """---
source: 0
---
# Title

Prose.

```python
x = 1
```

:::{note}
Not this.
:::

```python
>>> x + 1
2
```

```console
$ kohort doctor
```
"""


def test_a_page_becomes_a_notebook_and_a_script():
    cells = json.loads(notebooks.notebook(_PAGE))["cells"]
    assert [(cell["cell_type"], cell["source"]) for cell in cells] == [
        ("markdown", "# Title\n\nProse."),
        ("code", "x = 1"),
        ("code", "x + 1"),
        ("code", "!kohort doctor"),
    ]
    script = notebooks.script(_PAGE)
    assert script == "# # Title\n\n# Prose.\n\nx = 1\n\nx + 1\n\n# !kohort doctor\n"
    ast.parse(script)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("학습률", "학습률을 고릅니다"),
        ("코호트", "하나의 코호트로"),
        ("행", "행"),
        ("Adam", "Adam은"),
    ],
)
def test_korean_is_found_with_its_particles(asked, text):
    assert set(korean_search.pairs(asked)) <= set(korean_search.pairs(text))


def test_korean_words_that_share_a_syllable_are_not_confused():
    assert not set(korean_search.pairs("학습률")) <= set(korean_search.pairs("학습을 하는 비율"))


def test_llms_txt_lists_pages_and_public_names():
    text = llms.llms(
        {"index.md": "# kohort\n\nTrain *all*. More.\n", "howto/a.md": "# A\n\nB [c](d.md). E"}
    )
    assert "> Train *all*.\n" in text
    assert "## How-to guides\n\n- [A](howto/a.md): B c.\n" in text
    assert "- [kohort.together](reference/together.html): " in text

"""The documentation of techniques is complete and current."""

import ast
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import typer

from kohort.commands.app import app

FOLDER = Path(__file__).parent.parent / "docs" / "techniques"
PAGES = sorted(FOLDER.glob("*.md"))


def test_the_table_of_techniques_is_the_one_of_this_version():
    page = (FOLDER / "README.md").read_text()
    written = runpy.run_path(str(FOLDER / "table.py"))["written"]
    assert page == written(page)


def test_the_tables_of_the_diagnosis_are_those_of_this_version():
    page = (FOLDER.parent / "diagnosis.md").read_text()
    written = runpy.run_path(str(FOLDER.parent / "diagnosis" / "table.py"))["written"]
    assert page == written(page)


def test_the_table_of_what_kernels_serve_is_that_of_this_version():
    page = (FOLDER.parent / "kernels.md").read_text()
    written = runpy.run_path(str(FOLDER.parent / "kernels" / "table.py"))["written"]
    assert page == written(page)
    assert "| `muon` |" in page


@pytest.mark.parametrize("name", ["quality", "defaults"])
def test_the_tables_of_a_measured_page_are_those_of_the_last_result(name):
    page = (FOLDER.parent / f"{name}.md").read_text()
    written = runpy.run_path(str(FOLDER.parent / "measured.py"))["written"]
    assert page == written(page, name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_and_pictures_of_a_page_exist(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    assert [target for target in targets if not (FOLDER / target).exists()] == []


def test_every_page_is_in_the_index_and_every_picture_on_a_page():
    index = (FOLDER / "README.md").read_text()
    assert [page.name for page in PAGES if page.stem != "README" and page.name not in index] == []
    shown = "".join(page.read_text() for page in PAGES)
    pictures = FOLDER.glob("pictures/*.png")
    assert [picture.name for picture in pictures if picture.name not in shown] == []


def _blocks(page, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)


def _commands(page):
    """Command lines of a page, split into words."""
    lines = "".join(_blocks(page, "console")).splitlines()
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]


_TOP = FOLDER.parents[1]
_ENGLISH, _KOREAN = _TOP / "README.md", _TOP / "README.ko.md"
_DOCS = sorted(FOLDER.parent.rglob("*.md"))
_RUN = [
    page
    for page in _DOCS
    if _blocks(page, "python") and "ko" not in page.parts  # Twins have the same code: test_site.py.
]
_START = FOLDER.parent / "start.md"


def _name(page):
    return page.relative_to(_TOP).as_posix().removeprefix("docs/")


def _run(page, folder):
    """Run a page in a process of its own, for which nobody has chosen Keras's backend."""
    variables = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("run_page.py")), str(page)],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**variables, "KERAS_HOME": str(folder / "keras")},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_readme_runs_as_pasted(tmp_path):
    _run(_ENGLISH, tmp_path)


def test_the_page_on_getting_started_runs_as_pasted(tmp_path):
    _run(_START, tmp_path)


@pytest.mark.rest
@pytest.mark.parametrize("page", [page for page in _RUN if page != _START], ids=_name)
def test_a_page_runs_as_pasted(page, tmp_path):
    if "RayExecutor(" in "".join(_blocks(page, "python")):
        pytest.importorskip("ray")
    (tmp_path / "examples").symlink_to(_TOP / "examples")  # As in a clone of the repository.
    _run(page, tmp_path)


def test_both_readmes_have_the_same_code():
    code = [
        ([ast.dump(ast.parse(block)) for block in _blocks(page, "python")], _commands(page))
        for page in (_ENGLISH, _KOREAN)
    ]
    assert code[0] == code[1]


def _outline(page):
    """Headings, paragraphs, items, tables and blocks of a page in their order."""
    parts = re.sub(r"^```.*?^```$", "```", page.read_text("utf-8"), flags=re.M | re.S)
    lead = re.compile(r"#+(?= )|-(?= )|\d(?=\. )|\||```")
    kinds = []
    for paragraph in parts.split("\n\n"):
        found = [m[0] for line in paragraph.splitlines() if (m := lead.match(line))]
        kinds.append(found or ["text"])
    return kinds


def test_both_readmes_have_the_same_outline():
    assert _outline(_ENGLISH) == _outline(_KOREAN)


def test_a_fit_and_training_have_one_korean_word_each():
    """A fit is 학습, training 훈련; 적합, which means "suitable", is neither."""
    messages = FOLDER.parents[1] / "src" / "kohort" / "report" / "page" / "messages" / "ko.json"
    for page in (_KOREAN, messages):
        assert "적합" not in page.read_text("utf-8")


def test_fenced_blocks_are_of_kinds_that_are_tried():
    """`text` is a drawing, which only the architecture has; it has tests of its own."""
    for page in (_ENGLISH, _KOREAN, *_DOCS):
        fences = re.findall(r"^```(.*)$", page.read_text("utf-8"), re.M)
        kinds = {"text"} if page.stem == "architecture" else {"python", "console"}
        assert set(fences[::2]) <= kinds, page
        assert not any(fences[1::2]), page
        prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
        assert not re.findall(r"^>>> ", prose, re.M), page  # Markdown would show a quotation.


@pytest.mark.parametrize("page", list(filter(_commands, [_ENGLISH, *_DOCS])), ids=_name)
def test_commands_of_a_page_are_those_that_exist(page):
    targets = re.findall(r"^([\w-]+):", (_TOP / "Makefile").read_text(), re.M)
    group = typer.main.get_command(app)
    for program, *words in _commands(page):
        assert program in ("kohort", "make")
        if program == "make":
            assert {word for word in words if "=" not in word} <= set(targets)
            continue
        with group.make_context("kohort", list(words)) as context:
            name, command, rest = group.resolve_command(context, words)
            command.make_context(name, rest, parent=context)  # Fails for flags that do not exist.
        files = [Path(word) for word in words if word.startswith("examples/")]
        assert [file for file in files if not (_TOP / file).is_file()] == []


@pytest.mark.rest
def test_commands_on_a_table_run_one_after_another(tmp_path, monkeypatch):
    """On the first rows of the table and two trials; `watch`, which ends by Ctrl-C, aside."""
    for package in ("skrub", "plotly", "optuna"):
        pytest.importorskip(package)
    example = Path("examples", "california_housing.parquet")
    (tmp_path / example).parent.mkdir()
    pd.read_parquet(_TOP / example).head(100).to_parquet(tmp_path / example)
    monkeypatch.chdir(tmp_path)
    typed = [*_commands(_ENGLISH), *_commands(FOLDER.parent / "report.md")[1:]]
    for program, *words in typed:
        if program == "kohort" and "photos/" not in words and words[0] != "watch":
            monkeypatch.setattr(sys, "argv", [program, *("2" if w == "20" else w for w in words)])
            app(standalone_mode=False)
    assert {"run", "predictions.csv", "page.html"} <= {path.name for path in tmp_path.iterdir()}

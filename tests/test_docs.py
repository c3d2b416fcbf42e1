"""The documentation of techniques is complete and current."""

import doctest
import re
import runpy
from pathlib import Path

import pytest

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


_FENCED = [*sorted(FOLDER.parent.rglob("*.md")), *sorted(FOLDER.parents[1].glob("README*.md"))]


@pytest.mark.parametrize("page", _FENCED, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_fenced_blocks_of_a_page_run_as_pasted(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        if not block.startswith(">>>"):
            exec(compile(block, str(page), "exec"), {"__name__": "pasted"})


@pytest.mark.parametrize("page", sorted(FOLDER.parent.glob("*.md")), ids=lambda page: page.stem)
def test_examples_of_a_page_run(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0

"""Every claim runs, is judged, drawn and told in both languages; published results are current."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from kohort import lab
from kohort.commands.app import app
from kohort.errors import DataError, ParameterError
from kohort.lab.page import block, index
from kohort.lab.pictures import draw
from kohort.lab.running import SEEDS
from kohort.lab.words import LANGUAGES, Words

CLAIMS = lab.claims()
PUBLISHED = Path("docs", "lab", "results")
_HANGUL = re.compile("[가-힣]")


@pytest.fixture(scope="session", params=list(CLAIMS))
def result(request, tmp_path_factory):
    return lab.run(request.param, quick=True, out=tmp_path_factory.mktemp("lab"), progress=False)


def test_a_quick_run_measures_what_the_parts_compare(result):
    assert result.quick
    assert result.seeds == 2
    assert len(result.answers) == len(result.claim.parts) >= 1
    assert result.verdict.word


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_page_and_picture_speak_the_language(result, language, tmp_path):
    text = block(result, language, "picture.svg")
    assert bool(_HANGUL.search(text)) == (language == "ko")
    assert "nan" not in text.lower().replace("names", "")
    picture = tmp_path / "picture.svg"
    draw(result.claim, result.outcomes, language, picture)
    ElementTree.parse(picture)
    shown = picture.read_text("utf-8")
    assert bool(_HANGUL.search(shown)) == (language == "ko")


def test_json_gives_the_same_verdict(result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(result.to_json(), "utf-8")
    again = lab.read_result(path)
    assert again.verdict == result.verdict
    assert again.made == result.made
    assert again.claim is result.claim


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_every_claim_is_told_whole(claim):
    words = [claim.title, claim.says, claim.design, *(part.when for part in claim.parts)]
    for one in words:
        assert isinstance(one, Words)
        assert one.en
        assert not _HANGUL.search(one.en)
        assert _HANGUL.search(one.ko)
    assert claim.papers


def test_claims_are_numbered_from_one():
    numbers = [claim.number for claim in CLAIMS.values()]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.json")), ids=lambda path: path.stem)
def test_published_results_are_full_runs_of_claims_as_they_stand(path):
    found = lab.read_result(path)
    assert path.stem == found.claim.name
    assert not found.quick
    assert found.seeds >= SEEDS
    assert found.made["commit"].isalnum()  # A commit as it stands, without changes.
    assert all(one.by_table for one in found.answers)  # Every part can be judged from the file.
    assert f'"verdict": "{found.verdict.word.en}"' in path.read_text("utf-8")


def test_the_index_has_a_line_for_each_result():
    found = [lab.read_result(path) for path in sorted(PUBLISHED.glob("*.json"))]
    links = {one.claim.name: f"{one.claim.name}.md" for one in found}
    assert len(index(found, "en", links).splitlines()) == len(found) + 2


def test_the_command_lists_runs_and_refuses(tmp_path):
    def said(*options):
        return CliRunner().invoke(app, ["lab", *options])

    assert all(name in said().output for name in CLAIMS)
    first = next(iter(CLAIMS))
    assert CLAIMS[first].says.ko in said("--language", "ko").output
    ran = said(first, "--quick", "--out", str(tmp_path))
    assert ran.exit_code == 0, ran.output
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".svg", ".md"}
    for options in (["guess"], [first, "--all"], ["--language", "de"]):
        with pytest.raises(ParameterError):
            CliRunner().invoke(app, ["lab", *options], catch_exceptions=False)


def test_wrong_input_is_one_sentence(tmp_path):
    with pytest.raises(ParameterError, match=r"`name` must be one of .*warm-up.*; got 'x'"):
        lab.run("x")
    with pytest.raises(ParameterError, match="seeds"):
        lab.run("warm-up", seeds=1)
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(DataError, match="no result of `kohort lab`"):
        lab.read_result(tmp_path / "other.json")

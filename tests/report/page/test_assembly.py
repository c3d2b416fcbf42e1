"""The page is one file, in two languages, and takes no text for code."""

import json
import re
import sys
from importlib.resources import files

import pytest

from kohort import KohortError, ParameterError
from kohort.report.page.assembly import LANGUAGES, messages, page

_TEMPLATE = files("kohort.report.page") / "template"


@pytest.fixture(scope="module")
def html(found):
    return page(found, "ko")


def _part(html, name):
    return re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.S)[1]


def test_the_facts_survive_whatever_texts_they_hold(html, found):
    assert json.loads(_part(html, "facts")) == found
    assert "<" not in _part(html, "facts")


def test_the_language_is_that_asked_for(html):
    assert '<html lang="ko">' in html
    assert json.loads(_part(html, "messages")).keys() == set(LANGUAGES)


def test_the_page_may_ask_nobody_for_anything(html, found):
    assert "connect-src 'none'" in html
    assert "connect-src 'self'" in page(found, served=True)
    without_plotly = re.sub(r'<script type="text/plain".*?</script>', "", html, flags=re.S)
    assert re.findall(r"(?:src|href)=[\"']?https?:", without_plotly) == []


def _used():
    """Texts that the template asks for by name."""
    names = set()
    for path in _TEMPLATE.iterdir():
        source = path.read_text(encoding="utf-8")
        names |= set(re.findall(r'\btext\("(\w+)"', source))
        names |= set(re.findall(r'data-(?:text|label)="(\w+)"', source))
    return names


def test_every_language_has_every_text():
    reference = messages("en")
    for language in LANGUAGES:
        assert messages(language).keys() == reference.keys()
        assert all(messages(language).values())
        for name, words in messages(language).items():
            fields = set(re.findall(r"\{(\w+)\}", words))
            assert fields == set(re.findall(r"\{(\w+)\}", reference[name])), name
    assert _used() <= reference.keys()


def test_every_status_and_state_has_a_text():
    from kohort.engine import member

    statuses = [member.FINISHED, member.STOPPED_EARLY, member.STOPPED_BY_CALLBACK, member.DIVERGED,
                member.WAITING, member.TRAINING, "failed", "cancelled"]  # fmt: skip
    states = ["running", "silent", "missing"]
    reasons = ["few_candidates", "constant_parameters", "constant_scores", "optuna_missing"]
    wanted = [f"status_{name}" for name in statuses] + [f"live_{name}" for name in states]
    assert {*wanted, *(f"importance_{name}" for name in reasons)} <= messages("en").keys()


def test_an_unknown_language_is_one_clear_error():
    with pytest.raises(ParameterError, match="`language` must be 'en' or 'ko'; got 'fr'"):
        page({}, "fr")


def test_without_plotly_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(KohortError, match=re.escape('pip install "kohort[report]"')):
        page({})

"""The public API keeps what the last release promised, or has followed docs/compatibility.md."""

import json
import re
import runpy
from pathlib import Path

import pytest

from kohort import _version

_TOP = Path(__file__).parents[1]
_TOOL = runpy.run_path(str(_TOP / "tools" / "signatures.py"))
_GONE = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<deprecated>[\d.]+) \| (?P<gone>[\d.]+) \|", re.M)
_MEASURED = re.compile(r"^\| `(?P<name>[^`]+=\))` \| \S+ \| \S+ \| (?P<version>[\d.]+) \|", re.M)


def _number(version):
    return tuple(int(part) for part in version.split(".")[:2])


def _released():
    """Versions of which the repository has the signatures, this one left out, oldest first."""
    versions = [path.stem for path in (Path(__file__).parent / "signatures").glob("*.json")]
    return sorted((v for v in versions if v != _version.VERSION), key=_number)


def _told():
    """Names of the page's tables whose time has come: deprecated before, or measured as better."""
    page = (_TOP / "docs" / "compatibility.md").read_text("utf-8")
    now = _number(_version.VERSION)
    gone = {
        row["name"]
        for row in _GONE.finditer(page)
        if _number(row["deprecated"]) < _number(row["gone"]) <= now
    }
    return gone | {
        row["name"] for row in _MEASURED.finditer(page) if _number(row["version"]) <= now
    }


def test_nothing_public_has_changed_that_was_not_deprecated_a_version_before():
    last = Path(__file__).parent / "signatures" / f"{_released()[-1]}.json"
    broken = _TOOL["broken"](json.loads(last.read_text("utf-8")), _TOOL["public_signatures"]())
    assert set(broken) - _told() == set()


def _of(source):
    """The signatures of one function `f`, as the tool reads them."""
    names = {}
    exec(source, names)
    return {"f": _TOOL["_parameters"](names["f"])}


@pytest.mark.whole
@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        ("def f(a, b=1): ...", "def f(a, b=1, c=2, *more, d=3, **rest): ...", []),
        ("def f(a, *, b=1, c=2): ...", "def f(a, *, c=2, b=1): ...", []),
        ("def f(a, *, b=1): ...", "def f(a, b=1): ...", []),
        ("def f(a, b=1): ...", "def f(a): ...", ["f(b)"]),
        ("def f(a, *, b=1): ...", "def f(a, **b): ...", ["f(b)"]),
        ("def f(a, b=1): ...", "def f(a, *, b=1): ...", ["f(b)"]),
        ("def f(a, b): ...", "def f(b, a): ...", ["f(a)", "f(b)"]),
        ("def f(a=1): ...", "def f(a=2): ...", ["f(a=)"]),
        ("def f(a=1): ...", "def f(a): ...", ["f(a)"]),
        ("def f(a): ...", "def f(a, b): ...", ["f(b)"]),
        ("def f(*a): ...", "def f(a): ...", ["f(a)"]),
    ],
)
def test_a_call_that_no_longer_works_is_named(before, after, broken):
    assert _TOOL["broken"](_of(before), _of(after)) == broken


def test_a_name_that_is_gone_or_something_else_is_named():
    broken = _TOOL["broken"]
    assert broken({"f": {}, "g.x": "property"}, {"g.x": {}}) == ["f", "g.x"]
    assert broken({}, {"f": {}}) == []

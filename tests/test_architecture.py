"""The walk of X in docs/architecture.md is the one that X takes."""

import ast
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import kohort
from kohort.engine.compilers.native import instruction_set

_ROOT = Path(kohort.__file__).parent
_PAGE = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text("utf-8")
_STATION = re.compile(r"^([< ] *)?([\w.]+) {2,}(\S+\.py) {2,}\S", re.M)
_DRAWN = [(bool(lead.strip()), name, file) for lead, name, file in _STATION.findall(_PAGE)]
_ASIDE = re.search(r"Three files look at `X`.*?The arithmetic of a step", _PAGE, re.S)[0]
_FEATURES = 7  # No other array of a fit has so many columns.
_CARRIERS = (
    "Chunk", "DensePrepared", "Draw", "Fit", "Labelled", "Member", "Parts", "Rows", "ScaledTable",
)  # fmt: skip


def _named(node):
    """Dotted names of the functions and classes of a file."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield child.name
            yield from (f"{child.name}.{name}" for name in _named(child))


def _carries_x(value):
    shape = getattr(value, "shape", None) if hasattr(type(value), "shape") else None
    if isinstance(shape, tuple):
        return len(shape) > 1 and shape[-1] == _FEATURES
    if type(value).__name__ in _CARRIERS:
        return True
    held = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list | tuple) and any(map(_carries_x, held))


def _walked():
    """Files whose functions X, or what holds it, is given to, each with the file that gives it."""
    found, arrived = {}, []

    def watch(frame, event, _):
        code = frame.f_code
        if event != "call" or arrived or not code.co_filename.startswith(str(_ROOT)):
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if any(_carries_x(frame.f_locals.get(name)) for name in names if name != "self"):
            files = [
                str(Path(f.f_code.co_filename).relative_to(_ROOT))
                for f in (frame, frame.f_back)
                if f and f.f_code.co_filename.startswith(str(_ROOT))
            ]
            found[files[0], code.co_name] = files[-1]
        if code.co_name == "advance":
            arrived.append(frame)

    x = np.random.default_rng(0).normal(size=(80, _FEATURES))
    model = kohort.DenseRegressor(width=5, depth=1, epochs=1, random_state=0)
    before = sys.getprofile()
    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        model.fit(x, x[:, 0])
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
    return found


def test_the_drawing_names_what_exists():
    for _, name, file in _DRAWN:
        assert name in _named(ast.parse((_ROOT / file).read_text("utf-8"))), (name, file)


@pytest.mark.skipif(not instruction_set(), reason="the way is that with kernels")
def test_x_takes_the_way_that_is_drawn():
    drawn = {file for _, _, file in _DRAWN}
    aside = set(re.findall(r"`(\w+/\w+\.py)`", _ASIDE))
    walked = _walked()
    assert {file for file, _ in walked} - aside == drawn
    assert len(drawn) <= 13
    start = _DRAWN[0][2]
    left = {file for (file, _), giver in walked.items() if giver == start} - {start}
    turns = [file for back, _, file in _DRAWN if back]
    assert len(turns) <= 3
    assert left == {*turns, "estimators/parts.py"}

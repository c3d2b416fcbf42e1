"""Pictures for a phone: one panel below the other, with letters that can be read."""

import re
from pathlib import Path

import pytest

from kohort import lab
from kohort.lab.claims.workers import HERE
from kohort.lab.outcomes import Outcome, Outcomes
from kohort.lab.pictures import PHONE, draw

pytest.importorskip("matplotlib")

_RESULTS = Path("docs", "lab", "results")
_SCREEN = 390 - 2 * 16  # CSS pixels of a common phone, without the page's margins.
_PANEL = re.compile(r'<g id="axes_\d+">\s*<g id="patch_\d+">\s*<path d="M [\d.]+ ([\d.]+)')
# Matplotlib 3.9 writes "font: 10px ...", later ones "font-size: 10px".
_TEXT = re.compile(r'<text style="[^"]*?font(?:-size)?: (?:[a-z]+ )*([\d.]+)px')


@pytest.mark.parametrize(("name", "count"), [("initialisation", 6), ("optimizers", 2)])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_panels_stand_below_each_other_with_letters_as_large_as_those_of_a_page(
    name, count, language, tmp_path
):
    result = lab.read_result(_RESULTS / f"{name}.json")
    draw(result.claim, result.outcomes, language, tmp_path / "phone.svg", phone=True)
    text = (tmp_path / "phone.svg").read_text("utf-8")
    width = float(re.search(r'viewBox="0 0 ([\d.]+) ', text)[1])
    assert width == pytest.approx(72 * PHONE)
    sizes = [float(size) for size in _TEXT.findall(text)]
    assert len(sizes) > 20
    assert min(sizes) * _SCREEN / width >= 12
    assert len({float(bottom) for bottom in _PANEL.findall(text)}) == count


def test_both_layouts_can_stand_in_one_page(tmp_path):
    """No name of a shape stands for two."""
    result, texts = lab.read_result(_RESULTS / "vanishing.json"), []
    for phone in (False, True):
        draw(result.claim, result.outcomes, "en", tmp_path / "picture.svg", phone=phone)
        texts.append((tmp_path / "picture.svg").read_text("utf-8"))
    wide, narrow = (set(re.findall(r"url\(#(\w+)\)|href=\"#(\w+)\"", text)) for text in texts)
    assert wide
    assert not wide & narrow


def _drawn(name, outcomes):
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    lab.claims()[name].draw(figure, outcomes, "en")
    return figure


@pytest.mark.parametrize("count", [None, 3.0])
def test_cores_are_those_of_the_machine_that_measured(count):
    known = lab.read_result(_RESULTS / "workers.json").outcomes
    found = [one for one in known if one.measure != HERE]
    here = [] if count is None else [Outcome(HERE, "", "", "", 0, count)]
    for axes in _drawn("workers", Outcomes([*found, *here])).axes:
        heights = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
        assert heights == [one.value for one in here]


def test_monte_carlo_dropout_is_drawn_against_dropout():
    known = lab.read_result(_RESULTS / "regularisation.json").outcomes
    twice = [
        one._replace(value=2 * known.values("loss", one.table, "dropout")[one.seed])
        if (one.measure, one.side) == ("loss", "MC dropout")
        else one
        for one in known
    ]
    left, right = _drawn("regularisation", Outcomes(twice)).axes
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names[-1].startswith("MC dropout")
    assert not any("MC" in label.get_text() for label in right.get_yticklabels())
    dots = [line.get_xdata()[-1] for line in left.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([100] * 3)  # Twice the loss of dropout: 100 % more.

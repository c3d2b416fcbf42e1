"""Pictures for a phone: one panel below the other, with letters that can be read."""

import re
from pathlib import Path

import pytest

from kohort import lab
from kohort.lab.pictures import PHONE, draw

pytest.importorskip("matplotlib")

_RESULTS = Path("docs", "lab", "results")
_SCREEN = 390 - 2 * 16  # CSS pixels of a common phone, without the page's margins.
_PANEL = re.compile(r'<g id="axes_\d+">\s*<g id="patch_\d+">\s*<path d="M [\d.]+ ([\d.]+)')
_TEXT = re.compile(r'<text style="[^"]*?font-size: ([\d.]+)px')


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

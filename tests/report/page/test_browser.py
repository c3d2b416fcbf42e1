"""The page in a real browser: every chart is drawn, everything answers, nothing complains."""

import time
from itertools import pairwise

import numpy as np
import pytest
from benchmarks.chromium import chromium, missing, resize
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import GridSearchCV

import kohort
from kohort.report.page.assembly import page

pytestmark = [pytest.mark.rest, pytest.mark.skipif(bool(missing()), reason=missing())]

CHARTS = {
    "curves-chart": ".scatterlayer .js-line",
    "parallel-chart": ".scatterlayer .js-line",
    "importance-chart": ".barlayer .point",
    "pair-chart": ".heatmaplayer image",
    "schedule-chart": ".scatterlayer .js-line",
    "flow-chart": ".scatterlayer .js-line",
}
DESKTOP, PHONE = (1280, 900), (390, 800)


@pytest.fixture(scope="module")
def driver():
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def address(found, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(found), encoding="utf-8")
    return path.as_uri()


def _until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.03)
    return found


def _open(driver, address, size=DESKTOP, scheme="light"):
    resize(driver, *size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    driver.get(address)
    ready = "return document.documentElement.dataset.ready"
    _until(lambda: _run(driver, ready) == "charts", "the page opens")


def _run(driver, script, *arguments):
    return driver.execute_script(script, *arguments)


def _count(driver, selector):
    return _run(driver, "return document.querySelectorAll(arguments[0]).length", selector)


def _click(driver, identity):
    _run(driver, "document.getElementById(arguments[0]).click()", identity)


def _choose(driver, identity, value):
    _run(
        driver,
        "const select = document.getElementById(arguments[0]); select.value = arguments[1];"
        "select.dispatchEvent(new Event('change'))",
        identity,
        value,
    )


def _show(driver, chart):
    show = "document.getElementById(arguments[0]).scrollIntoView({block: 'center'})"
    _run(driver, f"document.documentElement.style.scrollBehavior = 'auto'; {show}", chart)


def _draw(driver, chart, mark):
    _show(driver, chart)
    _until(lambda: _count(driver, f"#{chart} {mark}"), f"{chart} is drawn")


def _pixel(driver, chart, x, y):
    """Where a point of a chart lies in the window."""
    return _run(
        driver,
        "const chart = document.getElementById(arguments[0]);"
        "const box = chart.getBoundingClientRect();"
        "const {xaxis, yaxis} = chart._fullLayout;"
        "return [box.left + xaxis._offset + xaxis.d2p(arguments[1]),"
        " box.top + yaxis._offset + yaxis.d2p(arguments[2])]",
        chart,
        x,
        y,
    )


def _mouse(driver, kind, place, button="none"):
    event = {"type": kind, "x": place[0], "y": place[1], "button": button, "clickCount": 1}
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def _draw_all(driver):
    for chart, mark in CHARTS.items():
        _draw(driver, chart, mark)


def _column(driver, place):
    return _run(
        driver,
        "return [...document.querySelectorAll(`#table tbody td:nth-child(${arguments[0]})`)]"
        ".map((cell) => cell.textContent)",
        place,
    )


def _filter(driver, words):
    _run(
        driver,
        "const input = document.getElementById('filter'); input.value = arguments[0];"
        "input.dispatchEvent(new Event('input'))",
        words,
    )


def _matches(driver):
    return _run(driver, "return document.getElementById('matches').firstChild.textContent")


def _lines_of(driver, chart):
    """How many candidates or fits are drawn as lines: gaps part those of one trace."""
    return _run(
        driver,
        "const {data} = document.getElementById(arguments[0]);"
        "const lines = data.filter((trace) => trace.mode !== 'markers');"
        "return lines.reduce((sum, t) => sum + t.x.filter((x) => x === null).length, 0)",
        chart,
    )


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_and_nothing_complains(driver, address, size, scheme):
    _open(driver, address, size, scheme)
    _draw_all(driver)
    assert driver.get_log("browser") == []
    assert _run(driver, "return document.documentElement.scrollWidth") <= size[0]
    assert _run(driver, "return document.documentElement.dataset.theme") == scheme
    # Nothing was asked for but the file itself.
    assert _run(driver, "return performance.getEntriesByType('resource').length") == 0


def test_texts_of_the_search_are_never_taken_for_code(driver, address):
    _open(driver, address)
    _draw_all(driver)
    assert _run(driver, "return document.title").startswith("Search for a model of price")
    assert _count(driver, "main img[src=x]") == 0
    assert any("</script><img" in cell for cell in _column(driver, 7))


def test_headings_sort_by_keyboard(driver, address):
    from selenium.webdriver.common.keys import Keys

    _open(driver, address)
    heading = "document.querySelector(\"#table thead button[data-focus='sort width']\")"
    _run(driver, f"{heading}.focus()")
    place = _run(driver, f"return 1 + {heading}.closest('th').cellIndex")
    for direction, sign in (("ascending", 1), ("descending", -1)):
        driver.switch_to.active_element.send_keys(Keys.ENTER)
        assert _run(driver, f"return {heading}.closest('th').ariaSort") == direction
        widths = [sign * int(cell) for cell in _column(driver, place)]
        assert len(widths) == 20
        assert widths == sorted(widths)
        assert _run(driver, "return document.activeElement.dataset.focus") == "sort width"


def test_pages_turn(driver, address):
    _open(driver, address)
    first = _column(driver, 2)
    _click(driver, "next")
    assert _column(driver, 2) == [str(rank) for rank in range(21, 25)]
    _click(driver, "previous")
    assert _column(driver, 2) == first == [str(rank) for rank in range(1, 21)]


def test_a_filter_holds_for_table_and_charts(driver, address, found):
    _open(driver, address)
    _draw_all(driver)
    assert _lines_of(driver, "curves-chart") == 24 * 2
    _filter(driver, "width>=30 relu")
    board = found["parameters"]
    columns = {parameter["name"]: parameter["values"] for parameter in board}
    kept = [
        row
        for row in range(24)
        if columns["width"][row] >= 30 and columns["activation"][row] == "relu"
    ]
    _until(lambda: _matches(driver) == f"{len(kept)} of 24 candidates", "the filter applies")
    assert _column(driver, 2) == [str(found["board"]["rank"][row]) for row in kept]
    scored = [row for row in kept if found["board"]["mean_score"][row] is not None]
    _show(driver, "curves-chart")
    _until(lambda: _lines_of(driver, "curves-chart") == 2 * len(kept), "curves are filtered")
    _show(driver, "parallel-chart")
    _until(lambda: _lines_of(driver, "parallel-chart") == len(scored), "lines are filtered")
    _click(driver, "clear")
    _until(lambda: _matches(driver) == "24 of 24 candidates", "the filter is cleared")
    assert driver.get_log("browser") == []


def test_a_pinned_candidate_has_lines_of_its_own_colour(driver, address):
    _open(driver, address)
    _draw(driver, "curves-chart", ".js-line")
    traces = "return document.getElementById('curves-chart').data.length"
    before = _run(driver, traces)
    _run(driver, "document.querySelectorAll('#table .pin')[5].click()")
    assert _count(driver, "#table .pin[aria-pressed=true]") == 4
    _show(driver, "curves-chart")
    _until(lambda: _run(driver, traces) == before + 2, "the curve is drawn apart")


def test_pointing_at_a_curve_says_whose_it_is(driver, address):
    _open(driver, address)
    _draw(driver, "curves-chart", ".js-line")
    best = "const trace = document.getElementById('curves-chart').data.at(-2);"
    point = _run(driver, f"{best} return [trace.x[2], trace.y[2]]")
    tip = driver.find_element("id", "tip")

    def pointed():
        """The chart may have moved, or not have listened yet."""
        _mouse(driver, "mouseMoved", (5, 5))
        _mouse(driver, "mouseMoved", _pixel(driver, "curves-chart", *point))
        return tip.is_displayed()

    _until(pointed, "the tip is shown")
    assert tip.text.startswith("rank 1 · fold 1")
    assert f"{point[1]:.4g}" in tip.text
    assert _count(driver, "#curves-chart svg.overlay path") == 2  # A line and its edge.
    _mouse(driver, "mouseMoved", (5, 5))
    _until(lambda: not tip.is_displayed(), "the tip goes")
    assert _count(driver, "#curves-chart svg.overlay path") == 0


def test_a_box_over_an_axis_becomes_a_filter(driver, address, found):
    _open(driver, address)
    _draw(driver, "parallel-chart", ".js-line")
    start, middle, end = (
        _pixel(driver, "parallel-chart", *corner)
        for corner in ((0.3, 0.5), (0.1, 0.8), (-0.01, 1.04))
    )
    _mouse(driver, "mousePressed", start, "left")
    _mouse(driver, "mouseMoved", middle, "left")
    _mouse(driver, "mouseMoved", end, "left")
    _mouse(driver, "mouseReleased", end, "left")
    words = driver.find_element("id", "filter")
    value = _until(lambda: words.get_attribute("value"), "the box becomes a filter")
    name, _, least = value.partition(">=")
    assert name == "learning_rate"
    assert float(least) == pytest.approx(10**-2.5, rel=0.05)  # The middle of a logarithmic axis.
    kept = sum(rate >= float(least) for rate in found["parameters"][0]["values"])
    assert _matches(driver) == f"{kept} of 24 candidates"


def test_another_pair_has_another_surface(driver, address, found):
    _open(driver, address)
    _draw(driver, "pair-chart", ".heatmaplayer image")
    for place, pair in enumerate(found["interactions"]["pairs"]):
        _choose(driver, "pair", str(place))
        _show(driver, "pair-chart")
        surface = "return document.getElementById('pair-chart').data[0].z"
        _until(lambda: _run(driver, surface) == pair["surface"], "its surface is drawn")  # noqa: B023


def test_theme_and_language_can_be_changed(driver, address):
    _open(driver, address)
    _draw_all(driver)
    _click(driver, "theme")
    assert _run(driver, "return document.documentElement.dataset.theme") == "dark"
    _show(driver, "flow-chart")
    color = "return document.getElementById('flow-chart').layout.font.color"
    _until(lambda: _run(driver, color) == "#e6ebf0", "charts follow the theme")
    _choose(driver, "language", "ko")
    assert _run(driver, "return document.documentElement.lang") == "ko"
    assert driver.find_element("id", "board-heading").text == "순위표"
    assert driver.get_log("browser") == []


def test_parts_have_names_and_headings(driver, address):
    _open(driver, address)
    levels = _run(
        driver,
        "return [...document.querySelectorAll('h1, h2, h3')].filter((h) => h.offsetParent)"
        ".map((h) => Number(h.tagName[1]))",
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    unnamed = _run(
        driver,
        "const named = (e) => e.textContent.trim() || e.ariaLabel || e.closest('label');"
        "const parts = [...document.querySelectorAll('button, select, input')];"
        "return parts.filter((e) => e.offsetParent && !named(e)).length",
    )
    assert unnamed == 0


def _contrast(one, other):
    """WCAG 2's contrast of two colours, each (red, green, blue) from 0 to 255."""

    def luminance(color):
        parts = [part / 255 for part in color]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(driver, address, scheme):
    _open(driver, address, scheme=scheme)
    colors = _run(
        driver,
        "return Object.fromEntries(['ink', 'gray', 'accent', 'alert', 'warn', 'paper', 'ground',"
        " 'soft'].map((name) => [name,"
        " getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()]))",
    )
    rgb = {name: [int(color[i : i + 2], 16) for i in (1, 3, 5)] for name, color in colors.items()}
    for text in ("ink", "gray", "accent", "alert", "warn"):
        for ground in ("paper", "ground"):
            assert _contrast(rgb[text], rgb[ground]) >= 4.5, (text, ground)
    assert _contrast(rgb["accent"], rgb["soft"]) >= 4.5


class _Odd(RegressorMixin, BaseEstimator):
    """Its score is its number, whatever it is called."""

    def __init__(self, number=1, called=""):
        self.number, self.called = number, called

    def fit(self, X, y):
        return self

    def score(self, X, y):
        return self.number


def test_choices_are_shown_letter_by_letter_and_fits_that_nobody_knows_are_not(driver, tmp_path):
    names = ["<b>bold</b>", "</script><img src=x>", "&lt; a rather long name of a choice"]
    grid = {"number": [1, 2, 3, 4], "called": names}
    search = GridSearchCV(_Odd(), grid, cv=2).fit(np.zeros((4, 1)), np.zeros(4))
    kohort.search_report(search, tmp_path / "odd.html")
    _open(driver, (tmp_path / "odd.html").as_uri())
    ticks = "return [...document.querySelectorAll('#pair-chart .ytick, #pair-chart .xtick')]"
    _show(driver, "pair-chart")
    shown = f"{ticks}.map((tick) => tick.textContent)"
    _until(lambda: set(names) <= set(_run(driver, shown)), "the pair is drawn, names and all")
    assert _count(driver, "img") == 0
    assert "Fits" not in _run(driver, "return document.getElementById('cards').textContent")

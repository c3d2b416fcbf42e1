"""A search is followed in a real browser from before its start to its end, without a reload."""

import json
import threading
import time

import pytest
from benchmarks.chromium import chromium, missing

from kohort.cohort.record import Record
from kohort.report.page_server import HOST
from kohort.report.progress_file import ProgressWriter
from kohort.report.run_folder import PROGRESS
from kohort.report.watching import server

pytestmark = [pytest.mark.rest, pytest.mark.skipif(bool(missing()), reason=missing())]

DESCRIPTION = {
    "space": {"width": [4, 8, 16]}, "cv": 1, "candidates": 3, "method": "grid",
    "data": {"target": "price"},
}  # fmt: skip


def _until(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def _finish(run, partial, source):
    """Write and rename the files of a folder as the end of a search does."""
    source.board.to_parquet(partial / "leaderboard.parquet")
    source.curves.to_parquet(partial / "learning_curves.parquet")
    (partial / "run.json").write_text(json.dumps(source.description), encoding="utf-8")
    (partial / PROGRESS).unlink()
    partial.rename(run)


def test_a_search_is_followed_without_a_reload(tmp_path, source):
    run, partial = tmp_path / "run", tmp_path / f".run.kohort-{16 * '0'}"
    with server(run) as answering, chromium() as driver:
        threading.Thread(target=answering.serve_forever, args=(0.02,), daemon=True).start()
        driver.get(f"http://{HOST}:{answering.server_port}/")
        driver.execute_script("window.loaded = 'once'")

        def shown(identity):
            return driver.find_element("id", identity).text

        assert "No search to be seen" in shown("live")
        partial.mkdir()
        writer = ProgressWriter(partial / PROGRESS, DESCRIPTION)
        fits = [Record({"width": width}) for width in (4, 8, 16)]
        fits[0].history = {"loss": [2.0, 1.5], "val_loss": [3.0, 2.5]}
        writer.write(fits, {"submitted": 3, "ended": 0, "training": 1, "progress": 0.5})
        _until(lambda: "0 of 3 fits have ended, 1 train now" in shown("live"), "it has begun")
        assert shown("title") == "Search for a model of price"
        driver.execute_script("document.querySelector('[data-focus=\"sort width\"]').focus()")
        fits[1].history = {"loss": [1.0], "val_loss": [1.25]}
        fits[1].status = "finished"
        writer.write(fits, {"submitted": 3, "ended": 1, "training": 1, "progress": 1.5})
        _until(lambda: "1.2500" in shown("cards"), "the better fit leads")
        assert driver.execute_script("return document.activeElement.dataset.focus") == "sort width"
        best = "return document.querySelector('#table tbody tr').textContent"
        assert "finished" in driver.execute_script(best)
        _finish(run, partial, source)
        _until(lambda: "R²" in shown("cards"), "the results are shown")
        assert not driver.find_element("id", "live").is_displayed()
        assert driver.execute_script("return window.loaded") == "once"
        assert driver.get_log("browser") == []
        answering.shutdown()

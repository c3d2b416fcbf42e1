"""The record of a search that still runs: complete, readable at any moment, worth a page."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes

import kohort
from kohort.cohort.record import Record
from kohort.engine.executors.base import Census
from kohort.report.leaderboard import learning_curves, search_members
from kohort.report.page.running import running
from kohort.report.progress_file import ProgressReader, ProgressWriter, recording

DESCRIPTION = {"space": {"learning_rate": None}, "cv": 2, "candidates": 3}
CENSUS = asdict(Census(submitted=7, training=0, ended=7))


@pytest.fixture(scope="module")
def search():
    X, y = load_diabetes(return_X_y=True)
    model = kohort.DenseRegressor(width=8, depth=1, epochs=4, random_state=0)
    return kohort.GridSearchCV(model, {"learning_rate": [1e-3, 1e-2, 1e-1]}, cv=2).fit(X, y)


def _as_it_was(record, epochs):
    """A record at a time when `epochs` epochs had ended."""
    history = {name: values[:epochs] for name, values in record.history.items()}
    if epochs < len(record.history["loss"]):
        return Record(record.parameters, history if epochs else {})
    return replace(record, history=history)


def _written(search, path, stages=(0, 1, 3, 99)):
    records = search.cohort_record_
    writer = ProgressWriter(path, DESCRIPTION)
    for number, epochs in enumerate(stages):
        known = records[: 2 + 3 * number] if epochs < 99 else records
        writer.write([_as_it_was(record, epochs) for record in known], CENSUS)
    return writer


def _read(path):
    reader = ProgressReader(path)
    reader.advance()
    return reader


def test_what_was_written_bit_by_bit_is_the_whole(search, tmp_path):
    _written(search, tmp_path / "progress")
    reader = _read(tmp_path / "progress")
    assert reader.description == DESCRIPTION
    assert reader.census == CENSUS
    for read, record in zip(reader.fits, search.cohort_record_, strict=True):
        assert read.history == record.history
        assert (read.status, read.best_epoch) == (record.status, record.best_epoch)
        assert read.parameters == {"learning_rate": record.parameters["learning_rate"]}


def test_no_news_only_touch_the_file(search, tmp_path):
    path = tmp_path / "progress"
    writer = _written(search, path)
    before = path.read_bytes()
    os.utime(path, (0, 0))
    writer.write(search.cohort_record_, CENSUS)
    assert path.read_bytes() == before
    assert path.stat().st_mtime > 0


@given(cut=st.integers(0, 4000))
def test_a_file_cut_anywhere_is_readable_and_goes_on(search, tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "progress"
    _written(search, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    reader = _read(path)
    path.write_bytes(whole)
    reader.advance()
    expected = _read(path)
    assert reader.fits == expected.fits
    assert reader.description == expected.description


def test_a_running_search_knows_whose_fit_is_whose(search, tmp_path):
    _written(search, tmp_path / "progress")
    reader = _read(tmp_path / "progress")
    source = running(reader.description, reader.fits, reader.census, "running")
    order = ["candidate", "fold", "epoch"]
    expected = learning_curves(search).sort_values(order, ignore_index=True)
    found = source.curves.sort_values(order, ignore_index=True)
    assert found[list(expected.columns)].equals(expected)


def test_a_running_search_ranks_by_the_lowest_validation_loss(search, tmp_path):
    _written(search, tmp_path / "progress", stages=(99,))
    reader = _read(tmp_path / "progress")
    board = running(reader.description, reader.fits, {}, "running").board
    lowest = {
        candidate: np.mean(
            [min(m.record.history["val_loss"]) for m in search_members(search)
             if m.candidate == candidate and m.fold is not None]
        )
        for candidate in range(3)
    }  # fmt: skip
    assert board["candidate"].tolist() == sorted(lowest, key=lowest.get)
    np.testing.assert_allclose(board["mean_score"], sorted(lowest.values()))
    assert board["rank"].tolist() == [1, 2, 3]


def test_fits_that_have_not_begun_come_last():
    fits = [Record({"learning_rate": rate}) for rate in (0.1, 0.1, 0.2)]
    fits[2].history = {"loss": [1.0], "val_loss": [2.0]}
    source = running(DESCRIPTION, fits, {}, "running")
    assert source.board["candidate"].tolist() == [1, 0]
    assert source.board["statuses"].tolist() == ["1 training", "2 waiting"]
    assert np.isnan(source.board["mean_score"][1])


def test_nothing_is_known_of_a_search_that_has_not_begun():
    source = running({}, [], {}, "missing")
    assert len(source.board) == len(source.curves) == 0


def test_a_record_is_kept_while_the_block_runs_and_then_removed(search, tmp_path, monkeypatch):
    monkeypatch.setattr("kohort.report.progress_file._PAUSE", 0.01)

    class Cohort:
        record = search.cohort_record_

        def census(self):
            return Census(ended=3)

    path = tmp_path / "progress"
    with recording(path, DESCRIPTION) as follow, follow(Cohort()):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (path.exists() and len(_read(path).fits) == 7):
            time.sleep(0.01)
        assert len(_read(path).fits) == 7
        assert _read(path).census["ended"] == 3
    assert not path.exists()
    assert "kohort-progress" not in [thread.name for thread in threading.enumerate()]


def test_a_disk_that_cannot_be_written_to_does_not_stop_the_search(tmp_path):
    with recording(tmp_path / "none" / "progress", DESCRIPTION):
        time.sleep(0.05)


_ENDLESS = """
import itertools, sys
from pathlib import Path
from kohort.cohort.record import Record
from kohort.report.progress_file import ProgressWriter
record = Record({"learning_rate": 0.1}, {"loss": []})
writer = ProgressWriter(Path(sys.argv[1]), {"space": {"learning_rate": 0}})
for epoch in itertools.count():
    record.history["loss"].append(float(epoch))
    writer.write([record], {})
    if epoch == 200:
        print("many", flush=True)
"""


@pytest.mark.rest
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill")
def test_a_killed_process_leaves_a_readable_record(tmp_path):
    path = tmp_path / "progress"
    command = [sys.executable, "-c", _ENDLESS, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"many\n"
        process.kill()
    losses = _read(path).fits[0].history["loss"]
    assert len(losses) > 200
    assert losses == list(map(float, range(len(losses))))
    complete = path.read_bytes().rpartition(b"\n")[0].splitlines()
    assert len([json.loads(line) for line in complete]) == len(losses) + 1


@pytest.mark.parametrize("mark", ["\u2028", "\u0085"])
def test_text_with_other_ends_of_lines_is_read_as_it_was_written(tmp_path, mark):
    path = tmp_path / "progress.jsonl"
    path.write_text(json.dumps({"target": f"a{mark}b"}, ensure_ascii=False) + "\n", "utf-8")
    progress = ProgressReader(path)
    assert progress.advance()
    assert progress.description == {"target": f"a{mark}b"}

"""An interrupted search goes on where it stopped, and ends as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, cross_val_score

import kohort
from kohort.commands.app import app
from kohort.engine.folder_store import FolderStore
from kohort.engine.store import MemoryStore

SMALL = kohort.DenseRegressor(width=4, depth=1, epochs=3, random_state=0)
GRID = {"learning_rate": [0.001, 0.01, 0.1]}


@pytest.fixture(scope="module")
def rows():
    X, y = load_diabetes(return_X_y=True)
    return X[:60], y[:60]


def timeless(results):
    return {name: list(values) for name, values in results.items() if "_time" not in name}


class Scorer:
    """R2, until a number of scores; then it fails."""

    def __init__(self, most):
        self.left = most

    def __call__(self, model, X, y):
        if not self.left:
            raise RuntimeError("planted")
        self.left -= 1
        return model.score(X, y)


def test_after_an_error_of_a_scorer_nothing_is_trained_twice(rows):
    store = MemoryStore()
    search = GridSearchCV(SMALL, GRID, cv=2, scoring=Scorer(3), error_score="raise")
    with (
        pytest.raises(RuntimeError, match="planted") as raised,
        kohort.together(store=store, progress=False),
    ):
        search.fit(*rows)
    (note,) = raised.value.__notes__
    assert note.startswith("What has ended is kept in <")
    assert note.endswith("The same script, run again, goes on from there and trains no fit twice.")
    kept = len(store)
    assert 4 <= kept <= 6  # Those whose turn had not come yet may have ended, too.
    again = GridSearchCV(SMALL, GRID, cv=2, scoring=Scorer(99))
    with kohort.together(store=store, progress=False) as cohort:
        again.fit(*rows)
    assert cohort.census().found == kept
    whole = GridSearchCV(SMALL, GRID, cv=2, scoring=Scorer(99)).fit(*rows)
    assert timeless(again.cv_results_) == timeless(whole.cv_results_)
    assert again.best_params_ == whole.best_params_


def test_what_ends_before_an_interruption_is_kept(rows):
    """Ctrl-C comes while the second fit trains; the first one's end is not told of yet."""
    store, seen, cancelled = MemoryStore(), [], threading.Event()

    def interrupted(executor=kohort.together):
        with executor(store=store, progress=False, threads=1) as cohort:
            ended, cancel = cohort.executor._keep, cohort.executor.cancel

            def cancelling(*fits):
                cancel(*fits)
                cancelled.set()

            def keep(key, done, fit):
                ended(key, done, fit)
                seen.append(key)
                if len(seen) == 1:
                    os.kill(os.getpid(), signal.SIGINT)
                    assert cancelled.wait(60)  # Before that the others would train on.

            cohort.executor._keep, cohort.executor.cancel = keep, cancelling
            GridSearchCV(SMALL.set_params(epochs=50), GRID, cv=2).fit(*rows)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    SMALL.set_params(epochs=3)
    assert 1 <= len(store) < 6


def test_another_refit_and_the_outer_loop_of_a_nested_search_train_what_is_new(rows):
    store = MemoryStore()
    for refit, new in ((False, 6), (True, 1)):
        with kohort.together(store=store, progress=False) as cohort:
            GridSearchCV(SMALL, GRID, cv=2, refit=refit).fit(*rows)
        census = cohort.census()
        assert census.ended - census.found == new
    with kohort.together(store=store, progress=False) as cohort:
        cross_val_score(GridSearchCV(SMALL, GRID, cv=2), *rows, cv=2)
        first = cohort.census()
        cross_val_score(GridSearchCV(SMALL, GRID, cv=2), *rows, cv=2)
    assert cohort.census().found - first.found == first.ended


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "t.csv"
    values = np.random.default_rng(0).normal(size=(60, 2))
    pd.DataFrame(values, columns=["a", "y"]).to_csv(path, index=False)
    return path


def command(table, run, *more):
    words = ["search", table, "--target", "y", "--trials", "2", "--cv", "2"]
    words += ["--set", "epochs=4", "--set", "width=4", "--out", run, *more]
    return list(map(str, words))


def on_command_line(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["kohort", *words])
    app(standalone_mode=False)


def board(run):
    return pd.read_csv(run / "leaderboard.csv").filter(regex="^(?!.*(second|time))")


def test_a_command_that_failed_goes_on_where_it_stopped(table, tmp_path, monkeypatch, capsys):
    from kohort.searches.problems import problem_search

    whole, run = tmp_path / "whole", tmp_path / "run"
    on_command_line(monkeypatch, *command(table, whole))
    last = problem_search._last

    def failing(*_):
        raise RuntimeError("planted")

    monkeypatch.setattr(problem_search, "_last", failing)
    with pytest.raises(RuntimeError, match="planted"):
        on_command_line(monkeypatch, *command(table, run))
    told = capsys.readouterr().err.splitlines()
    assert "Fits that have ended are kept, and the same command goes on from there." in told
    assert not run.exists()
    (left,) = (path for path in tmp_path.iterdir() if path != whole)
    assert {path.name for path in left.iterdir()} >= {"fits", "progress.jsonl"}
    monkeypatch.setattr(sys, "argv", ["kohort", "report", str(run)])
    app(standalone_mode=False)
    page = tmp_path / "run.html"
    assert "finished" in page.read_text()
    page.unlink()
    monkeypatch.setattr(problem_search, "_last", last)
    on_command_line(monkeypatch, *command(table, run))
    assert "5 of 5 fits were found in the store, 0 trained." in capsys.readouterr().err
    pd.testing.assert_frame_equal(board(run), board(whole))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "whole"]
    assert sorted(path.name for path in run.iterdir()) == sorted(p.name for p in whole.iterdir())
    assert len(list(FolderStore(run / "fits").entries())) == 6


@pytest.mark.rest
def test_a_run_that_replaces_another_has_its_fits(table, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    on_command_line(monkeypatch, *command(table, run))
    on_command_line(monkeypatch, *command(table, run, "--trials", "3", "--overwrite"))
    # New are the folds of the third candidate and, since that is the best, its refit.
    assert "4 of 7 fits were found in the store, 3 trained." in capsys.readouterr().err
    (run / "fits" / "mine.txt").write_text("mine")
    with pytest.raises(kohort.DataError, match="It holds 'fits'"):
        on_command_line(monkeypatch, *command(table, run, "--overwrite"))


SCRIPT = """
import json, sys, time
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
import kohort
X, y = load_diabetes(return_X_y=True)
model = kohort.DenseRegressor(width=8, depth=1, epochs=60, random_state=0, early_stopping=True)
search = GridSearchCV(model, {"learning_rate": [1e-3, 3e-3, 1e-2, 3e-2], "width": [4, 8]}, cv=3)
print("begun", flush=True)
with kohort.together(store=sys.argv[1], progress=False, threads=1) as cohort:
    search.fit(X, y)
results = {k: list(map(str, v)) for k, v in search.cv_results_.items() if "_time" not in k}
weights = [w.tolist() for w in search.best_estimator_.weights_]
print(json.dumps([cohort.census().found, cohort.census().ended, results, weights]), flush=True)
"""


def child(folder, wait=None):
    """The script's answer; None if it was killed `wait` seconds after its search began."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        if wait is not None:
            time.sleep(wait)
            process.kill()
        told = process.stdout.read()
    return json.loads(told) if told else None


@pytest.mark.rest
@pytest.mark.timeout(900)
def test_killed_searches_go_on_and_end_as_if_nothing_had_happened(tmp_path):
    """20 times `kill -9` at random moments of searches of 25 fits."""
    generator, kills, searches = random.Random(0), 0, 0
    start = time.monotonic()
    whole = child(tmp_path / "whole")
    longest = time.monotonic() - start
    while kills < 20:
        folder, kept = tmp_path / str(searches), 0
        searches += 1
        for _ in range(7):
            told = child(folder, generator.uniform(0, 0.15 * longest))
            now = len(list(FolderStore(folder).entries()))
            assert now >= kept
            kept = now
            if told is not None:
                break
            kills += 1
        assert FolderStore(folder).verify() == []
        told = child(folder)
        assert told[0] == kept
        assert told[1:] == whole[1:]

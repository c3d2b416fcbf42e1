"""`kohort search` and what it leaves; `kohort plan`; the command itself."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import typer
from tests.commands.conftest import ROWS, SMALL, failing, run

import kohort
from kohort.commands.app import app

pytest.importorskip("skrub")
pytest.importorskip("matplotlib")


def test_each_command_is_a_file_of_its_own():
    for name, command in typer.main.get_command(app).commands.items():
        assert command.callback.__module__ == f"kohort.commands.{name}"


def test_a_search_leaves_a_complete_folder(searched):
    assert sorted(path.name for path in searched.iterdir()) == [
        ".kohort-run.json",
        "estimator.kohort",
        "fits",
        "leaderboard.csv",
        "leaderboard.parquet",
        "learning_curves.csv",
        "learning_curves.parquet",
        "model.json",
        "model.keras",
        "preprocessing.joblib",
        "run.json",
        "schedule.json",
        "search.png",
    ]
    assert not [path for path in searched.parent.iterdir() if path.name.startswith(".")]


def test_the_run_s_description_adds_up(searched):
    run_json = json.loads((searched / "run.json").read_text(encoding="utf-8"))
    assert run_json["versions"]["kohort"] == kohort.__version__
    assert run_json["task"] == "classification"
    assert run_json["seed"] == 0
    assert run_json["data"]["rows"] == {"searched": 72, "tested": 18, "all": 90}
    assert sum(run_json["statuses"].values()) == 3 * 2 + 1
    assert run_json["seconds"]["search"] > 0
    board = pd.read_parquet(searched / "leaderboard.parquet")
    assert board["mean_score"].max() == run_json["cv_score"]
    assert board.loc[0, "width"] == run_json["best_parameters"]["width"]
    pd.testing.assert_frame_equal(board, pd.read_csv(searched / "leaderboard.csv"))
    curves = pd.read_csv(searched / "learning_curves.csv")
    assert len(curves.groupby(["candidate", "fold"])) == 3 * 2 + 1


def test_a_last_fit_that_diverges_leaves_the_search_in_its_folder(
    folder, tmp_path, capsys, monkeypatch
):
    fit = kohort.DenseClassifier.fit

    def diverging(self, X, y, *given):
        rate = {"learning_rate": 1e30, "optimizer": "sgd"} if len(X) == ROWS else {}
        return fit(self.set_params(**rate), X, y, *given)

    monkeypatch.setattr(kohort.DenseClassifier, "fit", diverging)
    options = ["--target", "kind", "--space", folder / "space.toml", "--trials", 2, "--cv", 2]
    out = tmp_path / "run"
    assert run("search", folder / "kinds.csv", *options, *SMALL, "--out", out) == 1
    told = capsys.readouterr()
    assert "no model; search.png; tables" in told.out
    *_, remark = told.err.splitlines()
    assert f"The search's results are kept in {out}." in remark
    assert len(pd.read_parquet(out / "leaderboard.parquet")) == 2
    assert "diverged" in json.loads((out / "run.json").read_text(encoding="utf-8"))["remarks"][0]
    assert run("report", out) == 0
    assert run("predict", "--trusted", out, folder / "kinds.csv") == 2


def test_a_search_repeats_itself(searched, folder, tmp_path):
    out = tmp_path / "again"
    options = ["--target", "kind", "--space", folder / "space.toml", "--trials", 3, "--cv", 2]
    assert run("search", folder / "kinds.csv", *options, *SMALL, "--out", out) == 0
    for name in ("leaderboard.csv", "learning_curves.csv"):
        assert (out / name).read_text() == (searched / name).read_text()


def test_a_regression_is_searched_over_a_grid(folder, tmp_path, capsys):
    (tmp_path / "grid.toml").write_text("width = [4, 8]\nlearning_rate = 0.01\n")
    options = ["--target", "amount", "--space", tmp_path / "grid.toml", "--method", "grid"]
    options += ["--cv", 2, "--test-fraction", 0]
    assert run("search", folder / "amounts.parquet", *options, *SMALL) == 0
    told = capsys.readouterr()
    printed = told.out
    began = printed.index(
        "Search: 2 candidates in 2 folds, 4 fits and one of the best, on 90 rows\n"
    )
    assert printed.startswith("Task: regression of 'amount'")
    assert began < printed.index("2 of 2 candidates, by R²")
    assert "] 5 of 5 fits, 0 training" in told.err.splitlines()[-1]
    assert "learning_rate=0.01" in printed
    assert "never saw" not in printed


def test_an_adaptive_search_pauses_and_prunes(folder, tmp_path, capsys):
    out, space = tmp_path / "run", folder / "space.toml"
    command = ("search", folder / "kinds.csv", "--target", "kind", "--method", "adaptive")
    options = ("--trials", 6, "--cv", 2, "--space", space, "--set", "epochs=9", "--out", out)
    assert run(*command, *options) == 0
    assert "paused" in capsys.readouterr().out
    board = pd.read_parquet(out / "leaderboard.parquet")
    assert len(board) == 6
    assert board["epochs"].nunique() > 1
    assert "paused" not in board["statuses"][0]
    assert json.loads((out / "run.json").read_text())["method"] == "adaptive"
    (tmp_path / "epochs.toml").write_text("epochs = [3, 9]\n")
    assert run(*command, "--space", tmp_path / "epochs.toml") == 2
    assert "Use --set epochs=100" in capsys.readouterr().err


def test_a_plan_is_a_table_and_a_sentence(folder, capsys):
    options = ["--set", "epochs=1", "--seconds", 0.1, "--memory", 10**8]
    assert run("plan", folder / "amounts.parquet", "--target", "amount", *SMALL, *options) == 0
    printed = capsys.readouterr().out
    rows = [line.split() for line in printed.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == ["8", "16", "32", "64"]
    order = ["Task: ", "Plan: measuring for 0.1 s", "batch size 32: ", "Use batch_size="]
    assert sorted(order, key=printed.index) == order
    assert re.search(r"^Use batch_size=\d+.* of 95 MiB", printed, re.MULTILINE)


@pytest.mark.filterwarnings("ignore::kohort.errors.RateWarning")
def test_what_is_set_is_not_searched_by_default_and_may_be_automatic(
    folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("kohort.studies.batch_size.planning._AUTO_SECONDS", 1e-6)
    options = [folder / "kinds.csv", "--target", "kind", *SMALL]
    automatic = ["--set", "learning_rate=auto", "--set", "batch_size=auto"]
    assert run("fit", *options, *automatic, "--out", tmp_path / "model") == 0
    capsys.readouterr()
    options += ["--trials", 1, "--cv", 2, "--set", "learning_rate=auto", "--set", "width=4"]
    assert run("search", *options) == 0
    printed = capsys.readouterr().out
    assert "learning_rate=auto" in printed
    assert printed.count("width=4") == 1
    message = failing(capsys, "search", *options, "--space", folder / "space.toml")
    assert "`set` must be a parameter that the space does not have; got 'learning_rate'" in message


def test_a_search_that_finds_nothing_says_so(tmp_path, capsys):
    generator = np.random.default_rng(0)
    noise = pd.DataFrame(generator.normal(size=(60, 4)), columns=list("abcy"))
    noise.to_csv(tmp_path / "noise.csv", index=False)
    (tmp_path / "space.toml").write_text("width = [16]\n")
    options = ["--target", "y", "--space", tmp_path / "space.toml", "--trials", 1, "--cv", 2]
    out = ["--out", tmp_path / "out"]
    assert run("search", tmp_path / "noise.csv", *options, *SMALL, *out) == 0
    printed = capsys.readouterr().out
    baseline = json.loads((tmp_path / "out" / "run.json").read_text())["baseline"]
    assert baseline["cv_score"] <= 0
    assert re.search(rf"baseline +{baseline['cv_score']:.4f}", printed)
    assert f"Baseline, always the mean, {noise['y'].mean():.1f}"[:-1] in printed
    scores = [line.rpartition(" ")[2] for line in printed.splitlines() if line.startswith("R² o")]
    summary = json.loads((tmp_path / "out" / "run.json").read_text())
    assert scores == [f"{summary[name]:.4f}" for name in ("cv_score", "test_score")]
    warning = printed.splitlines()[-1]
    assert "the best candidate is no better than the baseline, always the mean" in warning


def test_a_search_logs_to_trackers(folder, tmp_path, capsys):
    options = ["--target", "kind", "--space", folder / "space.toml", "--trials", 2, "--cv", 2]
    track = ["--track", f"tensorboard:{tmp_path / 'runs'}"]
    assert run("search", folder / "kinds.csv", *options, *SMALL, *track) == 0
    assert f"Logged: tensorboard:{tmp_path / 'runs'}\n" in capsys.readouterr().out
    assert (tmp_path / "runs" / "candidate_1" / "fold_2").is_dir()
    message = failing(capsys, "search", folder / "kinds.csv", *options, *SMALL, *track)
    assert "`folder` must be without event files of another search" in message


def test_the_version_is_printed(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"kohort {kohort.__version__}\n"

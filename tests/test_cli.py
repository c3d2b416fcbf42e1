import io
import json
import os
import re
import shutil
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import typer

import kohort
from kohort.commands.app import app
from kohort_command import main

pytest.importorskip("skrub")
pytest.importorskip("matplotlib")

# Keras's variables do not know NumPy 2's copy keyword; it shows when a model is saved.
ROWS = 90


@pytest.fixture(scope="module")
def table():
    """Numbers, text, dates and missing values; `kind` and `amount` follow from them."""
    generator = np.random.default_rng(0)
    size = generator.normal(size=ROWS)
    color = generator.choice(["red", "green", "blue"], size=ROWS)
    frame = pd.DataFrame(
        {
            "size": np.where(generator.random(ROWS) < 0.1, np.nan, size),
            "color": pd.Series(color).where(generator.random(ROWS) > 0.1),
            "day": pd.date_range("2024-01-01", periods=ROWS).astype(str),
        }
    )
    signal = size + (color == "red")
    return frame.assign(kind=np.where(signal > 0.3, "high", "low"), amount=10 * signal)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table):
    """Tables for both tasks, and a small space."""
    folder = tmp_path_factory.mktemp("cli")
    table.drop(columns="amount").to_csv(folder / "kinds.csv", index=False)
    table.drop(columns="kind").to_parquet(folder / "amounts.parquet", index=False)
    (folder / "space.toml").write_text(
        "width = [4, 8]\nlearning_rate = {low = 1e-3, high = 1e-2, log = true}\n"
    )
    return folder


def test_each_command_is_a_file_of_its_own():
    for name, command in typer.main.get_command(app).commands.items():
        assert command.callback.__module__ == f"kohort.commands.{name}"


def run(*arguments):
    """Run the command line; its exit code."""
    sys.argv = ["kohort", *map(str, arguments)]
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


@pytest.fixture(autouse=True)
def _arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", sys.argv)


SMALL = ["--set", "epochs=3", "--set", "depth=1"]


@pytest.fixture(scope="module")
def searched(folder):
    out = folder / "searched"
    options = ["--target", "kind", "--space", folder / "space.toml", "--trials", 3, "--cv", 2]
    assert run("search", folder / "kinds.csv", *options, *SMALL, "--out", out) == 0
    return out


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


def test_a_search_s_report_is_a_page(searched, tmp_path, capsys):
    assert run("report", searched, "--out", tmp_path / "page.html", "--language", "ko") == 0
    assert capsys.readouterr().out == f"Written: {tmp_path / 'page.html'}\n"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in page
    assert "kohort search" in page
    assert '"schedule":{"name":"constant"' in page


def test_a_report_of_an_older_folder_shows_what_it_has(searched, tmp_path):
    """Version 0.1.0's first folders had no times, no command and no schedule."""
    for name in ("leaderboard.parquet", "learning_curves.parquet"):
        (tmp_path / name).write_bytes((searched / name).read_bytes())
    known = json.loads((searched / "run.json").read_text(encoding="utf-8"))
    older = {key: value for key, value in known.items() if key not in ("times", "command")}
    (tmp_path / "run.json").write_text(json.dumps(older), encoding="utf-8")
    assert run("report", tmp_path) == 0
    assert (tmp_path / "report.html").stat().st_size > 1e6


def test_reports_and_watching_fail_in_one_line(searched, tmp_path, capsys):
    assert "`RUN` must be a folder" in _failing(capsys, "report", tmp_path)
    assert "`language` must be" in _failing(capsys, "report", searched, "--language", "fr")
    assert "`port` must be" in _failing(capsys, "watch", searched, "--port", "99999")


@pytest.mark.parametrize("command", ["search", "plan", "fit", "predict", "report", "watch"])
def test_a_name_that_is_too_long_ends_with_one_line(folder, tmp_path, capsys, command):
    more = {
        "search": ["--target", "y"],
        "plan": ["--target", "y"],
        "fit": ["--target", "y", "--out", tmp_path / "out"],
        "predict": [folder / "kinds.csv"],
    }
    message = _failing(capsys, command, "a" * 5000, *more.get(command, []))
    assert "aaa..." in message
    assert "File name too long" in message
    assert len(message) < 400
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_part_of_its_run_and_nothing_else_is(searched, folder, tmp_path, capsys):
    run_folder = tmp_path / "run"
    shutil.copytree(searched, run_folder)
    assert run("report", run_folder) == 0
    assert "report.html" in json.loads((run_folder / ".kohort-run.json").read_text())["files"]
    (run_folder / "notes.html").write_text("mine")
    capsys.readouterr()
    options = ["--target", "kind", "--out", run_folder, "--overwrite"]
    message = _failing(capsys, "fit", folder / "kinds.csv", *options, *SMALL)
    assert "It holds 'notes.html', which kohort did not write; nothing was removed" in message
    (run_folder / "notes.html").unlink()
    assert run("fit", folder / "kinds.csv", *options, *SMALL) == 0
    assert not (run_folder / "report.html").exists()


def test_the_winner_takes_the_raw_table(searched, folder, capsys):
    assert run("predict", "--trusted", searched, folder / "kinds.csv") == 0
    predicted = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(predicted.columns) == ["kind"]
    assert len(predicted) == ROWS
    assert set(predicted["kind"]) <= {"high", "low"}


def test_a_model_is_loaded_on_the_user_s_word_alone(searched, folder, capsys):
    message = _failing(capsys, "predict", searched, folder / "kinds.csv")
    assert "kept as a pickle, which may run any program" in message
    assert "add --trusted (in Python: trusted=True) if you" in message


def test_predictions_are_no_formulas(searched, folder, capsys, monkeypatch):
    class Model:
        def predictions(self, *arguments):
            return pd.DataFrame({"@kind": ["=1+1", "low"]})

    monkeypatch.setattr("kohort.searches.problems.sources.load_model", lambda *given: Model())
    assert run("predict", searched, folder / "kinds.csv", "--trusted") == 0
    assert capsys.readouterr().out == "'@kind\n'=1+1\nlow\n"


def test_probabilities_and_the_keras_model_agree(searched, folder, tmp_path, table):
    out = tmp_path / "predictions.csv"
    assert run("predict", "--trusted", searched, folder / "kinds.csv", "--proba", "--out", out) == 0
    probabilities = pd.read_csv(out)
    assert list(probabilities.columns) == ["high", "low"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    from kohort.searches.problems.tabular import TabularModel

    model = TabularModel.load(searched, trusted=True)
    network = keras.models.load_model(searched / "model.keras", compile=False)
    rows = table[list(model.table.columns_)]
    features = model.table.model_[:-1].transform(rows)
    low = network.predict(features, verbose=0)[:, 0]
    np.testing.assert_allclose(low, probabilities["low"], atol=1e-5)


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


def test_fit_then_predict(folder, tmp_path, capsys, table):
    arguments = ["fit", folder / "amounts.parquet", "--target", "amount", *SMALL]
    assert run(*arguments, "--set", "learning_rate=0.05", "--out", tmp_path / "model") == 0
    assert "finished after 3 epochs" in capsys.readouterr().out
    without = table.drop(columns=["amount", "kind"])
    without.assign(color="violet").to_csv(tmp_path / "new.csv", index=False)
    assert run("predict", "--trusted", tmp_path / "model", tmp_path / "new.csv") == 0
    predicted = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert np.isfinite(predicted["amount"]).all()


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
    message = _failing(capsys, "search", *options, "--space", folder / "space.toml")
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


def test_a_fit_says_how_it_takes_the_data_before_it_trains(folder, tmp_path, capsys):
    options = ["--target", "kind", "--set", "loss=mse", "--out", tmp_path / "model"]
    assert run("fit", folder / "kinds.csv", *options) == 2
    assert capsys.readouterr().out.startswith("Task: classification of 'kind', 2 classes")


def test_a_search_logs_to_trackers(folder, tmp_path, capsys):
    options = ["--target", "kind", "--space", folder / "space.toml", "--trials", 2, "--cv", 2]
    track = ["--track", f"tensorboard:{tmp_path / 'runs'}"]
    assert run("search", folder / "kinds.csv", *options, *SMALL, *track) == 0
    assert f"Logged: tensorboard:{tmp_path / 'runs'}\n" in capsys.readouterr().out
    assert (tmp_path / "runs" / "candidate_1" / "fold_2").is_dir()
    message = _failing(capsys, "search", folder / "kinds.csv", *options, *SMALL, *track)
    assert "`folder` must be without event files of another search" in message


def test_the_version_is_printed(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"kohort {kohort.__version__}\n"


def _failing(capsys, *arguments):
    """The one line that a command which fails prints; a search that has begun says so before."""
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" or captured.out.startswith("Task: ")
    (message,) = [line for line in captured.err.splitlines(True) if not line.startswith("[")]
    assert message.startswith("Error: ")
    return message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "`target` must be the table's column to predict; got None. Add --target NAME."),
        (["--target", "kind", "--track", "runs"], "`track` must be of the form tensorboard:PLACE"),
        (["--target", "knd"], "`target` must be a column of the table; got 'knd'. Did you mean"),
        (["--target", "kind", "--task", "sorting"], "`task` must be one of"),
        (["--target", "kind", "--task", "regression"], "`task` must be 'classification'"),
        (
            ["--target", "kind", "--method", "guess"],
            "`method` must be one of 'random', 'grid', 'ad",
        ),
        (["--target", "kind", "--trials", "0"], "`trials` must be a whole number >= 1; got 0"),
        (["--target", "kind", "--cv", "1"], "`cv` must be a whole number >= 2; got 1"),
        (["--target", "kind", "--cv", "60"], "at least 122 rows for cv=60"),
        (["--target", "kind", "--seed", "-1"], "`seed` must be a whole number in"),
        (["--target", "kind", "--test-fraction", "1"], "`test_fraction` must be"),
        (["--target", "kind", "--set", "widht=3"], "got 'widht'. Did you mean 'width'"),
        (["--target", "kind", "--set", "lr=1"], "Did you mean 'learning_rate'?"),
        (
            ["--target", "kind", "--set", "hidden_layer_sizes=[8]"],
            "got 'hidden_layer_sizes'. Did you mean 'width' or 'depth'?",
        ),
        (["--target", "kind", "--set", "activation=rellu"], "got 'rellu'. Did you mean 'relu'"),
        (["--target", "kind", "--set", "activation=logistic"], "Did you mean 'sigmoid'?"),
        (["--target", "kind", "--set", "optimizer=Adam"], "got 'Adam'. Did you mean 'adam'?"),
        (["--target", "kind", "--set", "dropout=auto"], "`dropout` must be a number"),
        (["--target", "kind", "--set", "width"], "`set` must be of the form NAME=VALUE"),
        (["--target", "kind", "--set", "width=0"], "`width` must be a whole number >= 1"),
        (["--target", "kind", "--set", "optimizer=sdg"], "`optimizer` must be one of"),
        (["--target", "kind", "--method", "grid", "--trials", "3"], "`trials` must be left out"),
        (["--target", "kind", "--set", "loss=mse"], "fits failed. `loss` must"),
        (["--target", "kind", "--space", "none.toml"], "`space` must be a readable file"),
    ],
)
def test_bad_options_end_with_one_line(folder, tmp_path, capsys, options, words):
    out = tmp_path / "out"
    message = _failing(capsys, "search", folder / "kinds.csv", *options, "--out", out)
    assert words in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("widht = [4]", "got 'widht'. Did you mean 'width'"),
        ("width = [4, 0]", "`width` must be a whole number >= 1"),
        ("width = []", "`space: width` must be a list with choices"),
        ("width = {low = 8, high = 4}", "with low < high"),
        ("width = {low = 4}", "with low < high"),
        ("width = {low = 4, hihg = 8}", "Did you mean 'high'"),
        ("width = {low = 1.5, high = 8, int = true}", "a range of whole numbers"),
        ("dropout = {low = 0, high = 0.5, log = true}", "a range of numbers > 0"),
        ("width = ", "`space` must be a file in TOML"),
        ("", "`space` must be a file with parameters"),
        ("random_state = [1]", "Use --seed"),
    ],
)
def test_bad_spaces_end_with_one_line(folder, tmp_path, capsys, text, words):
    space = tmp_path / "space.toml"
    space.write_text(text)
    options = ["--target", "kind", "--space", space]
    assert words in _failing(capsys, "search", folder / "kinds.csv", *options)


def test_a_grid_takes_no_ranges(folder, capsys):
    options = ["--target", "kind", "--space", folder / "space.toml", "--method", "grid"]
    message = _failing(capsys, "search", folder / "kinds.csv", *options)
    assert "`space: learning_rate` must be a list of choices" in message


def test_bad_tables_end_with_one_line(tmp_path, capsys, table):
    path, out = tmp_path / "bad.csv", tmp_path / "out"
    cases = {
        "2 missing of 90 (rows 1, 2)": table.assign(kind=[None, None, *table["kind"][2:]]),
        "at least two different values": table.assign(kind="low"),
        "at least 3 rows; got 1 of class 'rare'": table.assign(kind=["rare", *table["kind"][1:]]),
        "got 0 rows": table.head(0),
    }
    for words, bad in cases.items():
        bad.to_csv(path, index=False)
        for command in ("search", "fit"):
            if command == "fit" and "class" in words:
                continue
            message = _failing(capsys, command, path, "--target", "kind", "--out", out)
            assert words in message
            assert not out.exists()


def test_predict_names_what_does_not_fit_the_model(searched, tmp_path, capsys, table):
    path = tmp_path / "new.csv"
    table[["day"]].to_csv(path, index=False)
    assert "missing: 'size', 'color'" in _failing(capsys, "predict", "--trusted", searched, path)
    table.assign(size="large").to_csv(path, index=False)
    message = _failing(capsys, "predict", "--trusted", searched, path)
    assert "Column 'size' must hold numbers, as in training; got 'large'" in message
    message = _failing(capsys, "predict", "--trusted", tmp_path, path)
    assert "`MODEL` must be a folder that `kohort search` or `kohort fit` wrote" in message


def test_an_output_folder_in_use_is_refused_before_any_training(searched, folder, capsys):
    before = (searched / "run.json").read_text()
    options = ["--target", "kind", "--out", searched]
    message = _failing(capsys, "search", folder / "kinds.csv", *options)
    assert "`out` must be a new or an empty folder" in message
    assert (searched / "run.json").read_text() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_an_unwritable_parent_is_refused(folder, tmp_path, capsys):
    tmp_path.chmod(0o500)
    options = ["--target", "kind", "--out", tmp_path / "out"]
    assert "can be written" in _failing(capsys, "search", folder / "kinds.csv", *options)


def test_options_that_do_not_exist_have_exit_code_2(folder, capsys):
    assert run("search", folder / "kinds.csv", "--target", "kind", "--trails", "3") == 2
    assert "--trails" in capsys.readouterr().err

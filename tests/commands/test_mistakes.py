"""Mistakes in a command end it with one line, and leave nothing behind."""

import os

import pytest
from tests.commands.conftest import failing, run

pytest.importorskip("skrub")
pytest.importorskip("matplotlib")


@pytest.mark.parametrize("command", ["search", "plan", "fit", "predict", "report", "watch"])
def test_a_name_that_is_too_long_ends_with_one_line(folder, tmp_path, capsys, command):
    more = {
        "search": ["--target", "y"],
        "plan": ["--target", "y"],
        "fit": ["--target", "y", "--out", tmp_path / "out"],
        "predict": [folder / "kinds.csv"],
    }
    message = failing(capsys, command, "a" * 5000, *more.get(command, []))
    assert "aaa..." in message
    assert "File name too long" in message
    assert len(message) < 400
    assert list(tmp_path.iterdir()) == []


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
        (
            ["--target", "kind", "--seed", "-1"],
            "`seed` must be a whole number in [0, 4294967295]; got -1",
        ),
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
    message = failing(capsys, "search", folder / "kinds.csv", *options, "--out", out)
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
    assert words in failing(capsys, "search", folder / "kinds.csv", *options)


def test_a_grid_takes_no_ranges(folder, capsys):
    options = ["--target", "kind", "--space", folder / "space.toml", "--method", "grid"]
    message = failing(capsys, "search", folder / "kinds.csv", *options)
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
            message = failing(capsys, command, path, "--target", "kind", "--out", out)
            assert words in message
            assert not out.exists()


def test_an_output_folder_in_use_is_refused_before_any_training(searched, folder, capsys):
    before = (searched / "run.json").read_text()
    options = ["--target", "kind", "--out", searched]
    message = failing(capsys, "search", folder / "kinds.csv", *options)
    assert "`out` must be a new or an empty folder" in message
    assert (searched / "run.json").read_text() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_an_unwritable_parent_is_refused(folder, tmp_path, capsys):
    tmp_path.chmod(0o500)
    options = ["--target", "kind", "--out", tmp_path / "out"]
    assert "can be written" in failing(capsys, "search", folder / "kinds.csv", *options)


def test_options_that_do_not_exist_have_exit_code_2(folder, capsys):
    assert run("search", folder / "kinds.csv", "--target", "kind", "--trails", "3") == 2
    assert "--trails" in capsys.readouterr().err

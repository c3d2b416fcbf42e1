"""Folders of images on the command line."""

import io
import json
import re

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from kohort.commands.app import app

pytest.importorskip("matplotlib")

SMALL = ["--set", "epochs=4", "--set", "depth=1", "--set", "batch_norm=false"]
SMALL += ["--set", "batch_size=8"]


def run(*arguments):
    """Run the command line; its result."""
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Grey images of 6 x 6, bright ones and dark ones."""
    folder = tmp_path_factory.mktemp("cli") / "images"
    generator = np.random.default_rng(0)
    for name, darkest in (("bright", 180), ("dark", 0)):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            pixels = darkest + generator.integers(0, 60, (6, 6), np.uint8)
            kind = "png" if number % 4 else "bmp"
            Image.fromarray(pixels).save(folder / name / f"{number:02}.{kind}")
    return folder


@pytest.fixture(scope="module")
def searched(images):
    """Result and folder of a search over two candidates."""
    out, space = images.parent / "searched", images.parent / "space.toml"
    space.write_text("width = 4\nlearning_rate = [1e-7, 0.05]\naugment = [['flip']]\n")
    options = ["--space", space, "--method", "grid", "--cv", 2, "--out", out]
    track = ["--track", f"tensorboard:{images.parent / 'runs'}"]
    track += ["--track", f"optuna:sqlite:///{images.parent / 'optuna.db'}"]
    return run("search", images, *options, *SMALL, *track), out


def test_a_search_leaves_a_complete_folder(searched):
    result, out = searched
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {
        ".kohort-run.json", "estimator.joblib", "fits", "leaderboard.csv", "leaderboard.parquet",
        "learning_curves.csv", "learning_curves.parquet", "model.json", "model.keras", "run.json",
        "search.png",
    }  # fmt: skip
    described = json.loads((out / "run.json").read_text())
    assert described["task"] == "image classification"
    assert described["score"] == "accuracy"
    assert described["data"]["rows"] == {"searched": 32, "tested": 8, "all": 40}
    assert described["data"]["image_size"] == [6, 6]
    assert described["data"]["channels"] == 1
    assert described["best_parameters"]["learning_rate"] == 0.05
    assert described["test_score"] == 1.0
    assert sum(described["statuses"].values()) == 2 * 2 + 1


def test_a_search_says_how_images_were_read_and_what_was_best(searched):
    printed = searched[0].stdout
    assert "Data: 40 images of 2 classes, read as 6x6 grey" in printed
    assert "2 of 2 candidates, by accuracy" in printed
    assert "accuracy on 8 images that the search never saw: 1.0000" in printed


def test_trackers_are_told(searched, images):
    import optuna

    lines = [line for line in searched[0].stdout.splitlines() if line.startswith("Logged: ")]
    assert lines[0] == f"Logged: tensorboard:{images.parent / 'runs'}"
    (study,) = re.fullmatch(r"Logged: optuna:sqlite:.*optuna\.db \((.*)\)", lines[1]).groups()
    storage = f"sqlite:///{images.parent / 'optuna.db'}"
    trials = optuna.load_study(study_name=study, storage=storage).trials
    board = pd.read_csv(searched[1] / "leaderboard.csv").sort_values("candidate")
    assert [trial.value for trial in trials] == board["mean_score"].tolist()
    assert trials[0].params["augment"] == '["flip"]'
    assert sorted(path.name for path in (images.parent / "runs" / "candidate_0").iterdir())[:2] == [
        "fold_1",
        "fold_2",
    ]


def test_a_model_of_images_predicts_files_and_folders(searched, images, tmp_path):
    result = run("predict", "--trusted", searched[1], images / "dark", images / "bright" / "00.bmp")
    predicted = pd.read_csv(io.StringIO(result.stdout))
    assert predicted["class"].tolist() == ["dark"] * 20 + ["bright"]
    assert predicted["image"].iloc[-1] == str(images / "bright" / "00.bmp")
    out = tmp_path / "probabilities.csv"
    assert run("predict", "--trusted", searched[1], images, "--proba", "--out", out).exit_code == 0
    probabilities = pd.read_csv(out)
    assert list(probabilities.columns) == ["image", "bright", "dark"]
    network = keras.models.load_model(searched[1] / "model.keras", compile=False)
    pixels = np.stack([np.asarray(Image.open(path)) for path in probabilities["image"]])
    expected = network.predict(pixels[..., None].astype("float32"), verbose=0)
    np.testing.assert_allclose(probabilities[["bright", "dark"]], expected, atol=1e-5)


def test_fit_then_predict(images, tmp_path):
    chosen = ["--set", "width=4", "--set", "learning_rate=0.05", "--set", "image_size=[4, 5]"]
    result = run("fit", images, *SMALL, *chosen, "--out", tmp_path / "model")
    assert result.exit_code == 0, result.output
    assert "read as 4x5 grey" in result.stdout
    assert "finished after 4 epochs; best epoch: loss " in result.stdout
    kept = json.loads((tmp_path / "model" / "model.json").read_text())
    assert kept["classes"] == ["bright", "dark"]
    assert kept["image_size"] == [4, 5]
    printed = run("predict", "--trusted", tmp_path / "model", images).stdout
    predicted = pd.read_csv(io.StringIO(printed))
    assert (predicted["class"] == ["bright"] * 20 + ["dark"] * 20).mean() > 0.9


@pytest.mark.rest
def test_each_plan_is_a_table_and_a_sentence(images):
    result = run(
        "plan", images, *SMALL, "--set", "width=4", "--set", "epochs=1", "--seconds", "0.1"
    )
    assert result.exit_code == 0, result.output
    assert "most" in result.stdout
    assert re.search(r"^Use batch_size=\d+, learning_rate=", result.stdout, re.MULTILINE)
    assert "No time was left to measure how many workers" in result.stdout


def _failing(*arguments):
    """The sentence that a command ends with."""
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    return str(result.exception)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--target", "kind"], "`target` must be left out for a folder of images"),
        (["--task", "regression"], "`task` must be left out for a folder of images"),
        (["--set", "widht=3"], "one of ConvClassifier; got 'widht'. Did you mean 'width'"),
        (["--set", "width=0"], "`width` must be a whole number >= 1; got 0"),
        (
            ["--set", "image_size=32"],
            "`image_size` must be a list of which each item is a whole number >= 1",
        ),
        (["--set", "channels=2"], "`channels` must be 1, 3 or None; got 2"),
        (["--set", "augment=['shear']"], "`augment` must be a sequence of flip, crop"),
        (["--set", "architecture=vg"], "`architecture` must be one of 'resnet', 'vgg'"),
        (["--set", "epochs=0"], "`epochs` must be a whole number >= 1; got 0"),
        (["--set", "learning_rate=0"], "`learning_rate` must be a number > 0 or 'auto'; got 0"),
        (["--set", "optimizer=admw"], "got 'admw'. Did you mean 'adamw'"),
        (["--set", "random_state=1"], "Use --seed."),
        (["--set", "callbacks=[]"], "It cannot be set here."),
        (["--cv", "30"], "at least 62 images for cv=30"),
        (["--track", "wandb:x"], "`track` must be of the form tensorboard:PLACE or mlflow:PLACE"),
        (["--track", "optuna:nonsense"], "OptunaTracker cannot write to nonsense: "),
    ],
)
def test_bad_options_are_refused_before_any_training(images, tmp_path, options, words):
    assert words in _failing("search", images, *options, "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_how_images_are_read_is_not_searched(images, tmp_path):
    (tmp_path / "space.toml").write_text("image_size = [[8, 8], [16, 16]]\n")
    message = _failing("search", images, "--space", tmp_path / "space.toml")
    assert "got 'image_size'. Use --set image_size=..." in message


def test_files_that_are_no_images_are_named_or_left_out(images, tmp_path):
    for name in ("bright", "dark"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for path in (images / name).iterdir():
            (tmp_path / "images" / name / path.name).write_bytes(path.read_bytes())
    bad = tmp_path / "images" / "bright" / "notes.txt"
    bad.write_text("no image")
    options = [*SMALL, "--set", "width=4", "--out", tmp_path / "out"]
    message = _failing("fit", tmp_path / "images", *options)
    assert f"1 of 41 image files cannot be used: {bad} is no image" in message
    result = run("fit", tmp_path / "images", *options, "--set", "bad_images=skip")
    assert result.exit_code == 0, result.output
    assert "left out, since they are no images: 1" in result.stdout


def test_a_model_takes_only_its_own_kind_of_data(searched, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    message = _failing("predict", "--trusted", searched[1], table)
    assert "1 of 1 image files cannot be used" in message


def test_a_tracker_that_fails_at_the_end_costs_nothing(images, tmp_path, monkeypatch):
    from kohort.report.trackers.tensorboard import TensorBoardTracker

    def full(self, trials):
        raise OSError("No space left on device")

    monkeypatch.setattr(TensorBoardTracker, "_write", full)
    (tmp_path / "space.toml").write_text("width = 4\n")
    options = ["--space", tmp_path / "space.toml", "--method", "grid", "--cv", 2, *SMALL]
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    track = ["--track", f"tensorboard:{tmp_path / 'runs'}", "--track", f"optuna:{storage}"]
    result = run("search", images, *options, *track, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "TensorBoardTracker cannot write to" in str(result.exception)
    assert "No space left on device" in str(result.exception)
    assert (tmp_path / "out" / "leaderboard.csv").is_file()
    assert "1 of 1 candidates" in result.stdout
    import optuna

    assert len(optuna.get_all_study_names(storage)) == 1

"""`kohort search --ensemble`."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

import kohort
from kohort_command import main

pytest.importorskip("skrub")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A number that follows from two others and a kind."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(120, 2)), columns=["a", "b"]).astype("float32")
    frame["kind"] = generator.choice(["oak", "ash", "elm"], len(frame))
    frame["y"] = frame["a"] - 2 * frame["b"] + frame["kind"].map({"oak": 1, "ash": 0, "elm": -1})
    path = tmp_path_factory.mktemp("ensembles") / "table.parquet"
    frame.to_parquet(path, index=False)
    return path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["kohort", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    return 0


@pytest.mark.parametrize("method", ["random", pytest.param("adaptive", marks=pytest.mark.rest)])
def test_a_search_may_end_in_an_ensemble(method, table, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    options = ["--target", "y", "--trials", 4, "--cv", 2, "--set", "epochs=9", "--out", out]
    options += ["--method", method, "--ensemble"]
    assert run(monkeypatch, "search", table, *options) == 0
    printed = capsys.readouterr().out
    assert "8 fits and an ensemble of them" in printed
    assert "(the ensemble; search.png; tables)" in printed
    described = json.loads((out / "run.json").read_text())
    parts = described["ensemble"]["parts"]
    assert f"Ensemble: {len(parts)} candidates; squared error" in printed
    assert sum(part["weight"] for part in parts) == pytest.approx(1)
    assert described["ensemble"]["loss"] <= described["ensemble"]["best_single_loss"]
    assert sum(described["statuses"].values()) == 4 * 2  # No refit.

    frame = pd.read_parquet(table)
    model = kohort.load(out, trusted=True)
    members = [member for part in model.network_.parts_ for member in part.members]
    assert len(members) == 2 * len(parts)
    tested = frame.iloc[_tested(frame, described)]
    score = r2_score(tested["y"], model.predict(tested.drop(columns="y")))
    assert score == pytest.approx(described["test_score"], rel=1e-6)
    assert run(monkeypatch, "predict", out, table, "--trusted") == 0
    told = [float(line) for line in capsys.readouterr().out.split()[1:]]
    np.testing.assert_allclose(told, model.predict(frame.drop(columns="y")), rtol=1e-6)
    assert run(monkeypatch, "report", out) == 0
    assert '"loss_name":"squared error"' in (out / "report.html").read_text(encoding="utf-8")


def _tested(frame, described):
    """Numbers of the rows that the search held out."""
    from sklearn.model_selection import train_test_split

    share, seed = described["test_fraction"], described["seed"]
    return np.sort(train_test_split(np.arange(len(frame)), test_size=share, random_state=seed)[1])


def test_ensembles_of_images_are_refused_before_anything_trains(tmp_path, monkeypatch, capsys):
    images = pytest.importorskip("PIL.Image")
    for kind, grey in (("dark", 0), ("bright", 255)):
        (tmp_path / kind).mkdir()
        for number in range(8):
            images.new("L", (6, 6), grey).save(tmp_path / kind / f"{number}.png")
    assert run(monkeypatch, "search", tmp_path, "--ensemble", "--cv", 2) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: `ensemble` must be left out for images")

"""`kohort fit` and `kohort predict`: models in folders."""

import io

import keras
import numpy as np
import pandas as pd
import pytest
from tests.commands.conftest import ROWS, SMALL, failing, run

pytest.importorskip("skrub")
pytest.importorskip("matplotlib")


def test_the_winner_takes_the_raw_table(searched, folder, capsys):
    assert run("predict", "--trusted", searched, folder / "kinds.csv") == 0
    predicted = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(predicted.columns) == ["kind"]
    assert len(predicted) == ROWS
    assert set(predicted["kind"]) <= {"high", "low"}


def test_a_model_is_loaded_on_the_user_s_word_alone(searched, folder, capsys):
    message = failing(capsys, "predict", searched, folder / "kinds.csv")
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


def test_fit_then_predict(folder, tmp_path, capsys, table):
    arguments = ["fit", folder / "amounts.parquet", "--target", "amount", *SMALL]
    assert run(*arguments, "--set", "learning_rate=0.05", "--out", tmp_path / "model") == 0
    assert "finished after 3 epochs" in capsys.readouterr().out
    without = table.drop(columns=["amount", "kind"])
    without.assign(color="violet").to_csv(tmp_path / "new.csv", index=False)
    assert run("predict", "--trusted", tmp_path / "model", tmp_path / "new.csv") == 0
    predicted = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert np.isfinite(predicted["amount"]).all()


def test_a_fit_says_how_it_takes_the_data_before_it_trains(folder, tmp_path, capsys):
    options = ["--target", "kind", "--set", "loss=mse", "--out", tmp_path / "model"]
    assert run("fit", folder / "kinds.csv", *options) == 2
    assert capsys.readouterr().out.startswith("Task: classification of 'kind', 2 classes")


def test_predict_names_what_does_not_fit_the_model(searched, tmp_path, capsys, table):
    path = tmp_path / "new.csv"
    table[["day"]].to_csv(path, index=False)
    assert "missing: 'size', 'color'" in failing(capsys, "predict", "--trusted", searched, path)
    table.assign(size="large").to_csv(path, index=False)
    message = failing(capsys, "predict", "--trusted", searched, path)
    assert "Column 'size' must hold numbers, as in training; got 'large'" in message
    message = failing(capsys, "predict", "--trusted", tmp_path, path)
    assert "`MODEL` must be a folder that `kohort search` or `kohort fit` wrote" in message


def test_predictions_replace_nothing_that_is_read(searched, tmp_path, capsys, table):
    path, other = tmp_path / "new.csv", tmp_path / "link.csv"
    table.to_csv(path, index=False)
    other.symlink_to(path)
    before, leaderboard = path.read_bytes(), (searched / "leaderboard.csv").read_bytes()
    for out in (path, other, searched / "leaderboard.csv"):
        message = failing(capsys, "predict", "--trusted", searched, path, "--out", out)
        assert "`out` must be a file other than those that the command reads; got" in message
    message = failing(capsys, "report", searched, "--out", searched / "leaderboard.csv")
    assert "Nothing was replaced. Choose another." in message
    assert path.read_bytes() == before
    assert (searched / "leaderboard.csv").read_bytes() == leaderboard
    assert run("predict", "--trusted", searched, path, "--out", tmp_path / "out.csv") == 0
    assert run("predict", "--trusted", searched, path, "--out", tmp_path / "out.csv") == 0

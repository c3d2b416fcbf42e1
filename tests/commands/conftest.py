"""Tables in files, a folder that a search has written, and how a command is run."""

import sys

import numpy as np
import pandas as pd
import pytest

from kohort_command import main

ROWS = 90
SMALL = ["--set", "epochs=3", "--set", "depth=1"]


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def folder(tmp_path_factory, table):
    """Tables for both tasks, and a small space."""
    folder = tmp_path_factory.mktemp("cli")
    table.drop(columns="amount").to_csv(folder / "kinds.csv", index=False)
    table.drop(columns="kind").to_parquet(folder / "amounts.parquet", index=False)
    (folder / "space.toml").write_text(
        "width = [4, 8]\nlearning_rate = {low = 1e-3, high = 1e-2, log = true}\n"
    )
    return folder


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


@pytest.fixture(scope="session")
def searched(folder):
    out = folder / "searched"
    options = ["--target", "kind", "--space", folder / "space.toml", "--trials", 3, "--cv", 2]
    assert run("search", folder / "kinds.csv", *options, *SMALL, "--out", out) == 0
    return out


def failing(capsys, *arguments):
    """The one line that a command which fails prints; a search that has begun says so before."""
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" or captured.out.startswith("Task: ")
    (message,) = [line for line in captured.err.splitlines(True) if not line.startswith("[")]
    assert message.startswith("Error: ")
    return message

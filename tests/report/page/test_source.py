"""Folders of runs that are damaged, or none."""

import pandas as pd
import pytest

import kohort


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run.json", "[1]", "run.json is no JSON object"),
        ("run.json", "3", "run.json is no JSON object"),
        ("run.json", "null", "run.json is no JSON object"),
        ("run.json", "{", "Expecting property name"),
        ("run.json", '{"space": 3}', "It holds what no search writes"),
        ("schedule.json", "[1]", "schedule.json is no JSON object"),
        ("leaderboard.parquet", "text", "Parquet"),
        ("learning_curves.parquet", pd.DataFrame({"loss": [1.0]}), "what no search writes"),
    ],
)
def test_a_damaged_folder_is_one_clear_error(source, tmp_path, name, content, words):
    source.board.to_parquet(tmp_path / "leaderboard.parquet")
    source.curves.to_parquet(tmp_path / "learning_curves.parquet")
    (tmp_path / "run.json").write_text("{}")
    kohort.search_report(tmp_path)
    if isinstance(content, str):
        (tmp_path / name).write_text(content)
    else:
        content.to_parquet(tmp_path / name)
    with pytest.raises(kohort.DataError, match=f"`RUN` must be a folder with readable.*{words}"):
        kohort.search_report(tmp_path)


def test_a_name_that_is_too_long_is_one_clear_error():
    with pytest.raises(kohort.DataError, match=r"`RUN` must be .*\.\.\. File name too long\."):
        kohort.search_report(5000 * "a")

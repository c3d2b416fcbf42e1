import numpy as np
import pandas as pd
import pytest

from kohort import DataError, ParameterError
from kohort.data.tables import infer_task, read_table, resolve_task, split_target, target_array


@pytest.fixture
def table():
    return pd.DataFrame({"a": [1.0, None, 3.0], "b": ["x", "y", None], "t": [0.5, 1.5, 2.0]})


@pytest.mark.parametrize("suffix", ["csv", "parquet", "CSV"])
def test_a_table_is_read_as_it_was_written(tmp_path, table, suffix):
    path = tmp_path / f"table.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_table(path), table)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "The file is empty"),
        (b"a,b\n", "got 0 rows and 2 columns"),
        (b"a,b\n1,2\n1,2,3\n", "as many fields as the header"),
        (b"a,b\n1,2,3\n1,2,3\n", "as many fields as the header"),
        (b'a,b\n1,"2\n', "does not parse"),
        (b"a,b\n1,\xff\n", "UTF-8"),
        (b"a;b\n1;2\n", "separated by commas"),
    ],
)
def test_a_csv_that_does_not_parse_is_one_clear_error(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_bytes(text)
    with pytest.raises(DataError, match=words) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    assert "`DATA` must" in str(caught.value)


def test_a_parquet_that_does_not_parse_is_an_error(tmp_path):
    path = tmp_path / "bad.parquet"
    path.write_text("no parquet")
    with pytest.raises(DataError, match=r"Parquet file; got .*bad\.parquet"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [("none.csv", "existing file"), ("table.xlsx", "ends in"), ("folder.csv", "a folder")],
)
def test_a_file_that_is_not_there_is_an_error(tmp_path, name, words):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=words):
        read_table(tmp_path / name)


def test_the_target_is_taken_out(table):
    X, y = split_target(table, "t")
    assert list(X.columns) == ["a", "b"]
    assert y.tolist() == [0.5, 1.5, 2.0]


def test_an_unknown_target_is_named_with_what_is_near(table):
    with pytest.raises(ParameterError, match=r"`target` must be .*; got 'prise'. Did .*'price'"):
        split_target(table.rename(columns={"t": "price"}), "prise")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"t": [1.0, None, 2.0]}, r"1 missing of 3 \(rows 2\)"),
        ({"t": [1.0, np.inf, 2.0]}, "Column 't' must hold finite"),
        ({"a": [1.0, -np.inf, 2.0]}, "Column 'a' must hold finite .* row 2"),
        ({"b": [[1], [2], [3]]}, "Column 'b' must hold numbers, text.* type list"),
    ],
)
def test_values_that_cannot_be_used_are_named(table, changes, words):
    with pytest.raises(DataError, match=words):
        split_target(table.assign(**changes), "t")


def test_a_target_alone_is_an_error(table):
    with pytest.raises(DataError, match="columns beside the target 't'"):
        split_target(table[["t"]], "t")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["yes", "no"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 2] * 10, "classification"),
        ([1.0, 2.0], "classification"),
        (list(range(21)), "regression"),
        ([0.5, 1.0], "regression"),
        (pd.Categorical([0.5, 1.0]), "classification"),
    ],
)
def test_the_task_follows_from_the_target(values, task):
    assert infer_task(pd.Series(values)) == task
    assert resolve_task("auto", pd.Series(values)) == task


def test_a_task_that_does_not_fit_is_an_error():
    with pytest.raises(ParameterError, match=r"`task` must be one of .*; got 'cluster'"):
        resolve_task("cluster", pd.Series([1, 2]))
    with pytest.raises(ParameterError, match="'classification' for the target 'y'"):
        resolve_task("regression", pd.Series(["a", "b"], name="y"))
    with pytest.raises(DataError, match="at least two different values; got only 1"):
        resolve_task("auto", pd.Series([1, 1], name="y"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", "a"], ["b", "a"]),
        ([True, False], [True, False]),
        ([2.0, 1.0], [2, 1]),
        ([0.5, 1.0], ["0.5", "1"]),
        (pd.Categorical(["b", "a"]), ["b", "a"]),
    ],
)
def test_class_labels_keep_their_kind(values, expected):
    labels = target_array(pd.Series(values), "classification")
    assert labels.tolist() == expected
    assert labels.dtype != object

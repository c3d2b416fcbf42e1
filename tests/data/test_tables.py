from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from kohort import DataError, ParameterError
from kohort.data.csv_files import CsvFormat
from kohort.data.features import read_features
from kohort.data.numerals import numerals
from kohort.data.tables import (
    infer_task,
    read_table,
    resolve_task,
    split_target,
    target_array,
    target_numbers,
)
from kohort.searches.problems.table_columns import as_trained
from kohort.searches.problems.tabular import table_problem


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
    pd.testing.assert_frame_equal(read_table(path)[0], table)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "The file is empty"),
        (b"a,b\n", "got 0 rows and 2 columns"),
        (b"a,b\n1,2\n1,2,3\n", "as many fields as the header"),
        (b"a,b\n1,2,3\n1,2,3\n", "as many fields as the header"),
        (b'a,b\n1,"2\n', "does not parse"),
        (b"a,a\n1,2\n", r"names differ; got \['a'\].*Rename"),
        (b"a, a\n1,2\n", "names differ"),
        (b'"a";a\n1;2\n', "names differ"),
        ("caf\u00e9,cafe\u0301,a\u200b\n1,2,3\n".encode(), "names differ; got .'caf\u00e9'"),
        ("a,a\u200b\n1,2\n".encode(), r"names differ; got \['a'\]"),
        (b"\xef\xbb\xbfa,b,a\n1,2,3\n", "names differ"),
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


KOREAN = "면적, 지역 ,가격\n" + "".join(
    f"{n},{['서울', '부산'][n % 2]},{n * 3}\n" for n in range(9)
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_tables_as_spreadsheets_write_them(tmp_path, encoding, separator):
    path = tmp_path / "table.csv"
    path.write_bytes(KOREAN.replace(",", separator).encode(encoding))
    table, notes = read_table(path)
    assert list(table.columns) == ["면적", "지역", "가격"]
    assert table["지역"].tolist()[:2] == ["서울", "부산"]
    assert table["가격"].tolist() == list(range(0, 27, 3))
    plain = separator == "," and encoding.startswith("utf-8")
    assert len(notes) == (not plain)
    assert all("--encoding and --separator overrule" in note for note in notes)


def test_what_is_given_overrules_what_is_found(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_bytes("a;b,c\n1;2,3\n".encode("cp949"))
    table, notes = read_table(path, CsvFormat("cp949", ";"))
    assert list(table.columns) == ["a", "b,c"]
    assert not notes
    path.write_bytes("이름,b\n가,2\n".encode("cp949"))
    with pytest.raises(DataError, match=r"no text in utf-8. Give its own with --encoding"):
        read_table(path, CsvFormat("utf-8"))
    with pytest.raises(ParameterError, match="`encoding` must be an encoding that Python knows"):
        CsvFormat("klingon")
    with pytest.raises(ParameterError, match=r"`separator` must be one character; got ';;'"):
        CsvFormat(separator=";;")


def test_text_with_commas_in_a_table_of_semicolons_and_decimal_commas(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a;b;c\n1,5;x, y;0,123\n2,25;z, w;1,234\n")
    table, _ = read_table(path)
    assert table["a"].tolist() == [1.5, 2.25]
    assert table["b"].tolist() == ["x, y", "z, w"]
    assert table["c"].tolist() == [0.123, 1.234]


def test_a_parquet_with_a_column_twice(tmp_path):
    import pyarrow
    import pyarrow.parquet

    twice = pyarrow.Table.from_arrays([pyarrow.array([1.0, 2.0])] * 2, names=["a", "a"])
    pyarrow.parquet.write_table(twice, tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"names differ; got \['a'\]"):
        read_table(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="names differ"):
        split_target(pd.DataFrame([[1, 2, 3]] * 4, columns=["a", "a", "y"]), "y")


def test_a_name_and_its_number_may_both_stand_in_a_header(tmp_path):
    (tmp_path / "t.csv").write_text("a,a.1,A\n1,2,3\n")
    assert list(read_table(tmp_path / "t.csv")[0].columns) == ["a", "a.1", "A"]


class TestTargetsOfText:
    @pytest.mark.parametrize(
        "texts", [["1,234.50", "7.25"], ["$1,234.50", "$7.25"], ["1.234,50 €", "7,25 €"]]
    )
    def test_numbers(self, texts):
        y = pd.Series(texts * 2, name="y")
        for task in ("auto", "regression"):
            numbers = target_numbers(y, task)
            assert numbers.tolist() == [1234.5, 7.25] * 2
            assert resolve_task(task, numbers) == "regression"
        assert target_numbers(y, "classification").tolist() == y.tolist()

    def test_some_that_are_no_numbers_are_named(self):
        y = pd.Series(["1,234.50", "7.5", "unknown"], name="y")
        with pytest.raises(DataError, match=r"1 of 3 values that are none \(row 3: 'unknown'\)"):
            target_numbers(y, "regression")

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            (pd.date_range("2024-01-01", periods=4), "got dates"),
            (["2024-01-01", "2024-01-02", "2023-05-01"], "got dates"),
            (["05/03/2024", "25/03/2024", "01/04/2023"], "got dates"),
            (pd.to_timedelta([1, 2, 3], unit="h"), "got durations"),
            (["1:30", "2:45", "12:00"], "got durations"),
            ([f"name {n}" for n in range(100)], "got 100 different values in 100 rows"),
        ],
    )
    def test_those_that_are_neither_classes_nor_numbers(self, values, words):
        for task in ("auto", "classification"):
            with pytest.raises(DataError, match=words):
                resolve_task(task, pd.Series(values, name="y"))

    def test_classes_that_look_a_little_like_numbers(self):
        for texts in (["10-20", "20-30"], ["1", "2"], ["A1", "B2"], ["2 kg", "3 kg"]):
            y = pd.Series(texts * 5, name="y")
            assert resolve_task("auto", target_numbers(y, "auto")) == "classification"
            assert target_numbers(y, "auto").tolist() == y.tolist()


def test_features_of_text_that_are_numbers():
    X = pd.DataFrame(
        {
            "a": ["1,000"] * 10 + ["?"],
            "b": [Decimal("1.5")] * 11,
            "c": ["red", "blue"] * 5 + ["7"],
            "d": ["12", "x3"] * 5 + ["4"],
        }
    )
    found = read_features(X)
    read, notes = found.X, found.notes
    assert read["a"].tolist()[:10] == [1000] * 10
    assert np.isnan(read["a"][10])
    assert read["b"].tolist() == [1.5] * 11
    assert read["c"].equals(X["c"])
    assert read["d"].equals(X["d"])
    assert notes == [
        "Column 'a' is read as numbers; 1 values that are none (row 11: '?') count as missing."
    ]


class TestUnits:
    MIXED = pd.Series(["$3", "€4"] * 15, name="y") + pd.Series(range(30)).astype(str)

    def test_a_target_in_several_is_refused_in_one_sentence(self):
        for task in ("auto", "regression"):
            with pytest.raises(DataError, match=r"one unit; got \$ and €\. Convert it to one\.$"):
                target_numbers(self.MIXED.rename("y"), task)
        few = pd.Series(["$3", "€4", "12 %"] * 5, name="y")
        with pytest.raises(DataError, match=r"\$, € and %.*or use --task classification\.$"):
            target_numbers(few, "auto")

    def test_a_column_in_several_stays_text(self):
        found = read_features(pd.DataFrame({"x": self.MIXED, "z": ["5 EUR", "€6"] * 15}))
        assert found.X["x"].equals(self.MIXED)
        assert found.notes == [
            "Column 'x' stays text: its numbers are in several units ($ and €). "
            "Convert them to one."
        ]
        assert found.X["z"].tolist() == [5, 6] * 15
        assert found.kinds == {"z": "number in €"}

    def test_a_model_takes_no_other_unit_than_it_was_trained_on(self):
        for texts, words in ((["€ 3"], r"must be in \$.*got €"), (["x"], "hold numbers.*'x'")):
            with pytest.raises(DataError, match=words):
                as_trained(pd.DataFrame({"a": texts}), {"a": "number in $"})
        with pytest.raises(DataError, match=r"must be in one unit.*got €"):
            as_trained(pd.DataFrame({"a": ["$3", "€ 3"]}), {"a": "number"})
        read = as_trained(pd.DataFrame({"a": ["USD 3", "4"]}), {"a": "number in $"})
        assert read["a"].tolist() == [3, 4]


class TestTruthValues:
    def test_features_are_1_and_0(self):
        X = pd.DataFrame(
            {"a": ["Yes", "no ", None], "b": ["예", "아니오", "네"], "c": [True, None, False],
             "d": ["yes", "no", "maybe"], "e": [True, False, True]}
        )  # fmt: skip
        found = read_features(X)
        assert found.X["a"].tolist()[:2] == [1, 0]
        assert np.isnan(found.X["a"][2])
        assert found.X["b"].tolist() == [1, 0, 1]
        assert found.X["c"].tolist()[::2] == [1, 0]
        assert found.X[["d", "e"]].equals(X[["d", "e"]])
        assert found.notes == ["Read as 1 and 0 (such as yes and no): 'a', 'b', 'c'."]
        again = as_trained(pd.DataFrame({"a": ["NO", "y"]}), {"a": found.kinds["a"]})
        assert again["a"].tolist() == [0, 1]
        with pytest.raises(DataError, match=r"must hold truth values .*got 'maybe'"):
            as_trained(X[["d"]].rename(columns={"d": "a"}), {"a": found.kinds["a"]})

    @pytest.mark.parametrize("task", ["auto", "classification"])
    def test_a_target_has_two_classes_however_it_is_spelled(self, task):
        y = pd.Series(["yes", "Yes", "no", "yes", " no", "no"], name="y")
        read = target_numbers(y, task)
        assert read.tolist() == ["yes", "yes", "no", "yes", "no", "no"]
        assert resolve_task(task, read) == "classification"
        with pytest.raises(ParameterError, match="'classification' for the target 'y'"):
            resolve_task("regression", read)


def test_points_between_thousands_are_known_by_decimal_commas_beside_them(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1.234;0,5\n17.281;1,5\n")
    assert read_table(path)[0]["a"].tolist() == [1234, 17281]
    path.write_text("a;b\n1.234;x\n17.281;y\n")
    found = read_features(read_table(path)[0])
    assert found.X["a"].tolist() == [1.234, 17.281]
    assert "points are taken for decimal ones" in found.notes[0]


@pytest.mark.parametrize(
    ("texts", "told"), [(["1.234", "17.281"], True), (["1.234", "17.5"], False)]
)
def test_a_target_whose_points_may_stand_between_thousands_is_told_of(tmp_path, texts, told):
    path = tmp_path / "t.csv"
    path.write_text("a;y\n" + "".join(f"{n};{text}\n" for n, text in enumerate(texts * 5)))
    problem = table_problem(read_table(path)[0], "y")
    said = "The target 'y': points are taken for decimal ones, the first number for 1.234; if they"
    assert any(said in line for line in problem.lines) == told
    assert sorted(set(problem.labels)) == [float(text) for text in texts]


def test_what_a_message_advises_is_not_refused_by_the_next():
    y = pd.Series([f"{n:,}.50" for n in range(1000, 1100)], name="y")
    with pytest.raises(DataError, match=r"100 different values.*Use --task regression"):
        resolve_task("classification", target_numbers(y, "classification"))
    assert resolve_task("regression", target_numbers(y, "regression")) == "regression"
    y[7] = "unknown"
    with pytest.raises(DataError, match=r"row 8: 'unknown'\)\. Correct or remove these rows\.$"):
        target_numbers(y, "auto")


@pytest.mark.parametrize(
    ("text", "value"),
    [("12 %", 12), ("(3.2)", -3.2), ("1\u2009234.5", 1234.5), ("₩1,500", 1500), ("2,000원", 2000),
     ("-$3.00", -3), ("US$ 5", 5), ("1'234", 1234), ("\u22124", -4), ("1e-3", 1e-3), ("0,5", 0.5),
     ("1,23,456", 123456), ("12.345,6", 12345.6), ("$(3.00)", -3), ("(5) €", -5), ("(-5)", -5),
     ("1,234-", -1234), ("CHF 5.-", 5), ("5,\u2014 kr.", 5), ("Fr. 1'234.50", 1234.5),
     ("$.50", 0.5), ("Rs.500", 500), ("\uff11\uff0c\uff12\uff13\uff14", 1234),
     ("\uffe61,000", 1000), ("\uff11\uff12\uff05", 12), ("1\u2007234", 1234), ('"1,234"', 1234)],
)  # fmt: skip
def test_numbers_as_people_write_them(text, value):
    assert numerals(pd.Series([text])).values.tolist() == [value]


@pytest.mark.parametrize(
    "text",
    ["2024-01-01", "12:30", "12.05.2024", "1/2", "192.168.0.1", "1,2,3", "--5", "1-2", "10\u00b2",
     "(030) 1234", "-", "()"],
)  # fmt: skip
def test_what_is_no_number(text):
    assert numerals(pd.Series([text])) is None

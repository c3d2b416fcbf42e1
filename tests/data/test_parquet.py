"""Tables that stay in their Parquet file: the same network as from memory, through searches too."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

import kohort
from kohort.data import parquet, parquet_rows
from kohort.data.standardising import Standardisation

NETWORK = {"width": 8, "depth": 1, "epochs": 4, "random_state": 0, "early_stopping": False}


@pytest.fixture(scope="module")
def frame():
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(3, [1, 20, 0.1], (400, 3)), columns=["a", "b", "c"])
    frame["whole"] = generator.integers(0, 2**30, 400)
    frame["text"] = "x"
    frame["y"] = frame["a"] - frame["b"] / 20 + generator.normal(size=400)
    frame["label"] = np.where(frame["y"] > frame["y"].median(), "high", "low")
    return frame


@pytest.fixture(scope="module")
def path(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "table.parquet"
    frame.to_parquet(path, row_group_size=70)
    return path


@pytest.fixture
def table(path):
    return kohort.ParquetTable(path, exclude=["text", "y", "label"])


def test_a_table_is_indexed_like_an_array(table, frame):
    assert table.shape == (400, 4)
    assert table.columns == ("a", "b", "c", "whole")
    rows = np.array([399, 5, 70])
    part = table[rows]
    assert part.shape == (3, 4)
    assert part.column("y").tolist() == frame["y"].to_numpy()[rows].tolist()
    assert part[[1]].column("label").tolist() == [frame["label"][5]]
    assert len(table[:10]) == 10
    assert len(table[frame["a"].to_numpy() > 3]) == (frame["a"] > 3).sum()


def test_the_rows_of_a_stream_are_the_standardised_rows(table, frame):
    x = frame[["a", "b", "c", "whole"]].to_numpy(np.float64)
    found = table.moments(None)
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.deviation, x.std(axis=0), rtol=1e-12)
    weight = np.arange(400.0)
    np.testing.assert_allclose(table.moments(weight).mean, np.average(x, 0, weight), rtol=1e-12)
    limit = np.array([np.inf, 1.5, 3.0, np.inf])
    scaling = Standardisation(found.mean, found.deviation, limit)
    stream = table.stream(scaling, np.dtype(np.float32), 0)
    wanted = (x - x.mean(axis=0)) / x.std(axis=0)
    wanted = (wanted / np.sqrt(1 + (wanted / limit) ** 2)).astype(np.float32)
    np.testing.assert_array_equal(stream[np.array([399, 0, 71])], wanted[[399, 0, 71]])


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"batch_size": 400}])
def test_training_in_the_same_order_gives_the_same_network_as_memory(table, frame, options):
    """Whole batches do not depend on the order; other ones come near."""
    X = frame[list(table.columns)]
    model = kohort.DenseRegressor(**{**NETWORK, **options})
    streamed = clone(model).fit(table, table.column("y"))
    resident = clone(model).fit(X, frame["y"])
    close = 1e-5 if options.get("batch_size") == 400 else 0.2
    np.testing.assert_allclose(streamed.predict(table), resident.predict(X), atol=close)
    np.testing.assert_allclose(streamed.predict(table), streamed.predict(X), atol=1e-5)


def test_the_number_of_workers_changes_nothing(table):
    y = table.column("y")
    models = [kohort.DenseRegressor(**NETWORK, workers=w).fit(table, y) for w in (0, 2)]
    for one, other in zip(*(model.weights_ for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_search_streams_its_folds_together(table):
    labels = table.column("label")
    model = kohort.DenseClassifier(**{**NETWORK, "epochs": 10})
    search = GridSearchCV(model, {"learning_rate": [1e-3, 1e-2]}, cv=3)
    alone = cross_val_score(clone(model).set_params(learning_rate=1e-2), table, labels, cv=3)
    with kohort.together():
        search.fit(table, labels)
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(alone.mean())
    assert search.best_score_ > 0.7


def count_reads(monkeypatch):
    """The groups that are read from now on, in the training process."""
    seen, plain = [], parquet_rows.read_group

    def counted(file, number, columns):
        seen.append(number)
        return plain(file, number, columns)

    for module in (parquet, parquet_rows):
        monkeypatch.setattr(module, "read_group", counted)
    return seen


def test_few_rows_of_many_groups_do_not_read_each_group_often(frame, tmp_path, monkeypatch):
    frame.to_parquet(tmp_path / "t", row_group_size=10)
    group = 10 * 2 * 8
    monkeypatch.setattr(parquet, "_WINDOW_BYTES", 2 * group)
    monkeypatch.setattr(parquet_rows, "_KEPT_BYTES", 8 * group)
    monkeypatch.setattr(parquet_rows, "_PART_BYTES", 4 * 2 * 4)
    few = kohort.ParquetTable(tmp_path / "t", ["a", "b"])[::5]
    model = kohort.DenseRegressor(**{**NETWORK, "epochs": 1}, standardize=False)
    seen = count_reads(monkeypatch)
    model.fit(few, few.column("y"))
    assert sorted(seen) == list(range(40))


def test_a_search_reads_groups_once_for_moments_epochs_and_each_score(table, monkeypatch):
    seen = count_reads(monkeypatch)
    monkeypatch.setattr(parquet_rows, "_PART_BYTES", 10 * 4 * 4)
    model = kohort.DenseRegressor(**{**NETWORK, "epochs": 1})
    rows = np.arange(400)
    split = [(rows[:280], rows[280:])]
    search = GridSearchCV(
        model, {"learning_rate": [1e-3, 1e-2, 1e-1]}, cv=split, refit=False, error_score="raise"
    )
    with kohort.together():
        search.fit(table, table.column("y"))
    trained, scored = [0, 1, 2, 3], [4, 5]
    assert sorted(seen) == sorted(2 * trained + 3 * scored)


def test_moments_of_weighted_and_of_constant_columns(tmp_path):
    generator = np.random.default_rng(0)
    x = np.column_stack([1e6 + generator.normal(size=50), np.full(50, 0.1)])
    pd.DataFrame(x, columns=["a", "b"]).to_parquet(tmp_path / "t", row_group_size=7)
    weight = np.repeat([0.0, 1.0, 3.0, 0.5, 2.0], 10)
    found = kohort.ParquetTable(tmp_path / "t").moments(weight)
    wanted = np.average(x, axis=0, weights=weight)
    np.testing.assert_allclose(found.mean, wanted, rtol=1e-14)
    assert found.constant.tolist() == [False, True]
    spread = np.average(np.square(x - wanted), axis=0, weights=weight)
    np.testing.assert_allclose(np.square(found.deviation), spread, rtol=1e-9, atol=1e-30)


def test_a_relative_path_stays_the_file_that_it_was(path, frame, monkeypatch, tmp_path):
    monkeypatch.chdir(path.parent)
    table = kohort.ParquetTable(path.name, frame.columns[:2])
    monkeypatch.chdir(tmp_path)
    assert table.columns == ("a", "b")
    assert kohort.DenseRegressor(**NETWORK).fit(table, table.column("y")).n_features_in_ == 2


class TestFaults:
    @pytest.mark.parametrize(
        "values", [pd.Categorical(["u", "v"]), [[1, 2], [3]], pd.to_timedelta([1, 2])]
    )
    def test_columns_of_whole_numbers_that_mean_something_else(self, tmp_path, values):
        path = tmp_path / "other.parquet"
        pd.DataFrame({"a": [1, 2], "other": values}).to_parquet(path)
        with pytest.raises(kohort.DataError, match=r"'other'.*must hold numbers"):
            kohort.ParquetTable(path)

    def test_columns_are_not_chosen_by_an_index(self, table):
        assert table[[0, 1], ...].shape == table[[0, 1], :].shape == (2, 4)
        with pytest.raises(kohort.DataError, match=r"got \[0\].*columns=\[\.\.\.\]"):
            table[:, 0]

    def test_columns_that_cannot_be_features(self, path):
        with pytest.raises(kohort.DataError, match=r"'text'.*must hold numbers.*exclude="):
            kohort.ParquetTable(path)
        with pytest.raises(kohort.DataError, match=r"no column 'z'. It has: a, b"):
            kohort.ParquetTable(path, ["z"])
        with pytest.raises(kohort.DataError, match="no column 'z'"):
            kohort.ParquetTable(path, ["a"]).column("z")
        with pytest.raises(kohort.ParameterError, match="lists of names; got 'y'"):
            kohort.ParquetTable(path, exclude="y")

    @pytest.mark.parametrize(
        ("rows", "words"),
        [
            ([0, 400], r"from -400 to 399, for 400 rows; got 400"),
            (-401, "got -401"),
            ([0.0, 1.5], "whole numbers|float64"),
            (np.ones(399, bool), r"a mask of shape \(400,\).*got \(399,\)"),
            (np.ones((400, 1), bool), "a mask of shape"),
            ([[0, 1]], r"of shape \(1, 2\)"),
            (["a"], "row numbers, a mask or a slice"),
            (slice("a"), "`The index` must be a slice of row numbers"),
            (slice(0, 5, 0), "`The index` must be a slice of row numbers"),
        ],
    )
    def test_rows_that_do_not_exist(self, table, rows, words):
        with pytest.raises(kohort.DataError, match=words):
            table[rows]

    def test_rows_that_do(self, table):
        assert [len(table[rows]) for rows in ([], -400, 399, np.ones(400, bool))] == [0, 1, 1, 400]
        assert [len(row) for row in table[:3]] == [1, 1, 1]

    def test_columns_named_twice(self, path, tmp_path):
        import pyarrow
        import pyarrow.parquet

        columns = [pyarrow.array([0.0, 1.0, float(number)]) for number in range(3)]
        twice = pyarrow.Table.from_arrays(columns, names=["a", "b", "a"])
        pyarrow.parquet.write_table(twice, tmp_path / "twice")
        for options in ({}, {"columns": ["a"]}, {"exclude": ["a"]}):
            with pytest.raises(kohort.DataError, match=r"must differ; got 'a' more than once"):
                kohort.ParquetTable(tmp_path / "twice", **options)
        with pytest.raises(kohort.DataError, match=r"got 'a' more than once in .*twice"):
            kohort.ParquetTable(tmp_path / "twice", ["b"]).column("a")
        with pytest.raises(kohort.DataError, match="got 'a' more than once in columns"):
            kohort.ParquetTable(path, ["a", "b", "a"])

    def test_decimals_are_numbers(self, tmp_path):
        values = [Decimal("1.50"), Decimal("2.25"), None]
        pd.DataFrame({"a": values, "b": [1, 2, 3]}).to_parquet(tmp_path / "money")
        table = kohort.ParquetTable(tmp_path / "money")
        assert table.column("a")[:2].tolist() == [1.5, 2.25]
        assert table[:2].moments(None).mean.tolist() == [1.875, 1.5]

    @pytest.mark.parametrize("change", ["values", "shorter", "gone"])
    def test_a_file_that_changes_after_it_was_opened(self, frame, tmp_path, change):
        path = tmp_path / "table"
        frame = frame[["a", "b", "c", "y"]]
        frame.to_parquet(path, row_group_size=70)
        table = kohort.ParquetTable(path, exclude=["y"])
        y = table.column("y")
        model = kohort.DenseRegressor(**NETWORK).fit(table, y)
        half = table[::2]
        if change == "gone":
            path.unlink()
        else:
            (frame * 2 if change == "values" else frame[:50]).to_parquet(path, row_group_size=70)
        words = "cannot be read" if change == "gone" else "has changed since the table was opened"
        for act in (
            lambda: clone(model).fit(table, y),
            lambda: clone(model).set_params(standardize=False).fit(table, y),
            lambda: model.predict(half),
            lambda: table.column("y"),
        ):
            with pytest.raises(kohort.DataError, match=words):
                act()

    def test_a_file_that_changes_while_it_is_read(self, frame, tmp_path):
        """The next read of a group raises, and a worker's error is the same."""
        path = tmp_path / "table"
        frame[["a", "b"]].to_parquet(path, row_group_size=70)
        same = Standardisation(np.zeros(2), np.ones(2), np.full(2, np.inf))
        rows = kohort.ParquetTable(path).stream(same, np.dtype("f4"), 0)
        rows[:70]
        kept = rows.digest
        (2 * frame[["a", "b"]]).to_parquet(path, row_group_size=70)
        with pytest.raises(kohort.DataError, match="has changed"):
            rows[70:140]
        again = kohort.ParquetTable(path).stream(same, np.dtype("f4"), 0)
        assert again.digest != kept

    def test_files_that_are_no_tables(self, tmp_path):
        for name, content in (("gone", None), ("text", b"no table")):
            if content is not None:
                (tmp_path / name).write_bytes(content)
            with pytest.raises(kohort.DataError, match="`path` must be a Parquet file"):
                kohort.ParquetTable(tmp_path / name)
        pd.DataFrame({"a": []}).to_parquet(tmp_path / "empty")
        with pytest.raises(kohort.DataError, match="must have rows"):
            kohort.ParquetTable(tmp_path / "empty")
        for path in (5, None):
            with pytest.raises(kohort.ParameterError, match="`path` must be the path of a file"):
                kohort.ParquetTable(path)
        with pytest.raises(kohort.DataError, match=r"\.\.\. File name too long\.$"):
            kohort.ParquetTable(5000 * "a")

    def test_others_do_not_read_it_into_memory(self, table):
        for reader in (np.asarray, lambda X: LinearRegression().fit(X, table.column("y"))):
            with pytest.raises(kohort.DataError, match="stays in its file, and only dense"):
                reader(table)

    def test_missing_values_are_named(self, tmp_path):
        path = tmp_path / "holes.parquet"
        pd.DataFrame({"a": [1.0, 2.0], "b": [np.nan, 0.0]}).to_parquet(path)
        table = kohort.ParquetTable(path)
        with pytest.raises(kohort.DataError, match=r"'b' of .* missing or infinite"):
            kohort.DenseRegressor(**NETWORK).fit(table, [0.0, 1.0])
        with pytest.raises(kohort.DataError, match=r"missing or infinite.*column 'b'"):
            kohort.DenseRegressor(**NETWORK, standardize=False).fit(table, [0.0, 1.0])

    def test_other_columns_than_in_fit(self, path, table):
        model = kohort.DenseRegressor(**NETWORK).fit(table, table.column("y"))
        with pytest.raises(
            kohort.DataError, match=r"columns of X must be \['a', 'b', 'c', 'whole'\]"
        ):
            model.predict(kohort.ParquetTable(path, ["b", "a", "c", "whole"]))

    def test_what_needs_the_table_in_memory_is_refused(self, table):
        y = table.column("y")
        with pytest.raises(kohort.ParameterError, match="`pretrain` must be None"):
            kohort.DenseRegressor(**NETWORK, pretrain="denoising").fit(table, y)
        with pytest.raises(kohort.ParameterError, match=r"`workers` must be .*'auto'"):
            kohort.DenseRegressor(**NETWORK, workers="many").fit(table, y)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            kohort.DenseRegressor(**NETWORK).fit(table, y[:-1])


def test_a_table_of_another_width_is_refused_at_predict(path, frame):
    table = kohort.ParquetTable(path, frame.columns[:2])
    wide = kohort.ParquetTable(path, frame.columns[:3])
    model = kohort.DenseRegressor(**NETWORK)
    with pytest.raises(ValueError, match=r"columns of X must be \['a', 'b'\], as in fit"):
        model.fit(table, table.column("y")).predict(wide)
    with pytest.raises(ValueError, match="X has 3 features, but DenseRegressor is expecting 2"):
        model.fit(frame[["a", "b"]].to_numpy(), frame["y"]).predict(wide)

import os
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest

from kohort import DataError, ParameterError
from kohort.searches.problems.model_description import write_description
from kohort.searches.problems.preprocessing import TablePreprocessor
from kohort.searches.problems.sources import load_model
from kohort.searches.problems.table_settings import TableParameters
from kohort.searches.problems.tabular import TabularModel
from kohort.searches.spaces import (
    LogWholeNumbers,
    default_space,
    describe_space,
    read_settings,
    read_space,
)
from kohort.searches.tables.pipeline import tabular_pipeline

pytest.importorskip("skrub")

REGRESSION = TableParameters("regression")


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "number": np.where(generator.random(60) < 0.2, np.nan, generator.normal(size=60)),
            "word": generator.choice(["a", "b", None], size=60),
            "text": [f"entry {i} of {i * 31 % 17} kinds" for i in range(60)],
        }
    )


def test_memory_changes_nothing_but_the_time(tmp_path, table):
    memory = joblib.Memory(tmp_path, verbose=0)
    plain = TablePreprocessor(random_state=0).fit(table[:40])
    for _ in range(2):
        kept = TablePreprocessor(random_state=0, memory=memory)
        np.testing.assert_array_equal(kept.fit_transform(table[:40]), plain.transform(table[:40]))
        np.testing.assert_array_equal(kept.transform(table[40:]), plain.transform(table[40:]))
    assert np.isfinite(plain.transform(table)).all()


def test_each_table_is_preprocessed_once(tmp_path, table, monkeypatch):
    import skrub

    fitted, transformed = [], []
    fit_transform = skrub.TableVectorizer.fit_transform
    transform = skrub.TableVectorizer.transform
    monkeypatch.setattr(
        skrub.TableVectorizer,
        "fit_transform",
        lambda self, X, y=None, **k: fitted.append(len(X)) or fit_transform(self, X, y, **k),
    )
    monkeypatch.setattr(
        skrub.TableVectorizer,
        "transform",
        lambda self, X: transformed.append(len(X)) or transform(self, X),
    )
    memory = joblib.Memory(tmp_path, verbose=0)
    for _ in range(3):
        for rows in (table[:30], table[30:]):
            kept = TablePreprocessor(random_state=0, memory=memory)
            kept.fit_transform(rows)
            kept.transform(table[:10])
    assert fitted == [30, 30]
    assert transformed == [10, 10]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_saved_model_predicts_the_same(tmp_path, table, task):
    y = np.arange(60) % 2 if task == "classification" else np.arange(60.0)
    settings = {"width": 4, "epochs": 2}
    pipeline = tabular_pipeline(task, random_state=0, settings=settings).fit(table, y)
    model = TabularModel.of(pipeline, table, "y", task)
    model.save(tmp_path)
    loaded = TabularModel.load(tmp_path, trusted=True)
    assert loaded.table.columns_ == {"number": "number", "word": "text", "text": "text"}
    shuffled = table[["text", "number", "word"]].assign(extra=1)
    np.testing.assert_array_equal(loaded.predict(shuffled), pipeline.predict(table))
    assert loaded.table.score(table, y) == pytest.approx(pipeline.score(table, y))


@pytest.fixture
def hostile(tmp_path):
    """A folder of a model whose pickle makes a folder when it is loaded."""
    write_description(tmp_path, "regression", "y", columns={})
    (tmp_path / "estimator.kohort").write_bytes(b"")
    made = tmp_path / "made"
    with (tmp_path / "preprocessing.joblib").open("wb") as file:
        pickle.dump(_Hostile(made), file)
    return tmp_path, made


class _Hostile:
    def __init__(self, made):
        self.made = made

    def __reduce__(self):
        return os.mkdir, (str(self.made),)


@pytest.mark.parametrize("trusted", [False, None, 1, "yes"])
def test_nothing_of_a_folder_runs_that_nobody_trusts(hostile, trusted):
    folder, made = hostile
    for load in (TabularModel.load, load_model):
        with pytest.raises(DataError, match=r"may run any program .* trusted=True"):
            load(folder, trusted)
    assert not made.exists()


def test_a_damaged_pickle_is_one_clear_error(hostile):
    folder, _ = hostile
    (folder / "preprocessing.joblib").write_bytes(b"\x80\x05no pickle")
    with pytest.raises(DataError, match=r"`MODEL` must be .*preprocessing\.joblib is damaged"):
        TabularModel.load(folder, trusted=True)


def test_a_regression_has_no_probabilities(table):
    pipeline = tabular_pipeline("regression", settings={"width": 4, "epochs": 1})
    model = TabularModel.of(pipeline.fit(table, np.arange(60.0)), table, "y", "regression")
    with pytest.raises(ParameterError, match="`proba` must be left out for a regression"):
        model.predict_proba(table)


def test_a_newer_format_is_refused(tmp_path, table):
    pipeline = tabular_pipeline("regression", settings={"width": 4, "epochs": 1})
    TabularModel.of(pipeline.fit(table, np.arange(60.0)), table, "y", "regression").save(tmp_path)
    description = tmp_path / "model.json"
    description.write_text(description.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(DataError, match="got 99, written by kohort"):
        TabularModel.load(tmp_path)
    description.write_text(
        description.read_text().replace('"format": 99', '"format": 1').replace("regression", "art")
    )
    with pytest.raises(DataError, match=r"a model for one of 'image classification', .* got 'art'"):
        load_model(tmp_path)
    description.write_text("{")
    with pytest.raises(DataError, match="`MODEL` must be a folder with a readable model"):
        TabularModel.load(tmp_path)


def test_the_default_spaces_cover_what_matters():
    names = "depth width activation optimizer learning_rate dropout weight_decay".split()
    random, grid = (default_space(method, REGRESSION) for method in ("random", "grid"))
    assert set(random) == {*names, "n_bins"}
    assert set(grid) == set(names)
    assert all(isinstance(choices, list) for choices in grid.values())


def test_a_large_table_is_searched_without_bins():
    small, large = (TableParameters("regression", size) for size in (2_000_000, 2_000_001))
    assert default_space("random", small).keys() - default_space("random", large) == {"n_bins"}
    assert "n_bins" in default_space("adaptive", small)


def test_a_space_file_is_read_and_described(tmp_path):
    entries = {
        "depth": {"low": 1, "high": 3, "int": True},
        "width": {"low": 8, "high": 256, "log": True, "int": True},
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        "dropout": {"low": 0.1, "high": 0.4},
        "activation": ["relu", "silu"],
    }
    (tmp_path / "space.toml").write_text(
        "depth = {low = 1, high = 3, int = true}\n"
        "width = {low = 8, high = 256, log = true, int = true}\n"
        "learning_rate = {low = 1e-4, high = 1e-2, log = true}\n"
        "dropout = {low = 0.1, high = 0.4}\n"
        "activation = ['relu', 'silu']\n"
    )
    space = read_space(tmp_path / "space.toml", REGRESSION)
    described = describe_space(space)
    assert described.pop("dropout") == pytest.approx(entries.pop("dropout"))
    assert described == entries
    generator = np.random.RandomState(0)
    depths = [space["depth"].rvs(random_state=generator) for _ in range(50)]
    assert set(depths) == {1, 2, 3}


def test_log_whole_numbers_reach_both_ends_evenly_in_the_logarithm():
    generator = np.random.RandomState(0)
    drawn = np.array([LogWholeNumbers(1, 99).rvs(random_state=generator) for _ in range(4000)])
    assert drawn.min() == 1
    assert drawn.max() == 99
    assert np.mean(drawn < 10) == pytest.approx(0.5, abs=0.03)


def test_settings_are_read_as_toml():
    settings = ["width=[8, 4]", "learning_rate=1e-2", "activation=tanh", "weight_decay=none"]
    assert read_settings([*settings, "early_stopping=true"], REGRESSION) == {
        "width": [8, 4],
        "learning_rate": 0.01,
        "activation": "tanh",
        "weight_decay": None,
        "early_stopping": True,
    }


def test_class_weights_belong_to_classifiers_alone():
    assert read_settings(["class_weight=balanced"], TableParameters("classification"))
    with pytest.raises(ParameterError, match="got 'class_weight'"):
        read_settings(["class_weight=balanced"], REGRESSION)

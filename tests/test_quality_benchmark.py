"""The benchmark of answers: its figures by hand, its splits, and what becomes of a failed fit."""

import numpy as np
import pytest
from benchmarks import quality, quality_figures, quality_sides, tables
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.naive_bayes import GaussianNB

_ERRORS = {
    "one": {"a": [1.0, 3.0], "b": [3.0, 3.0], "constant": [4.0, 4.0]},
    "two": {"a": [5.0], "b": [4.0], "constant": [6.0]},
    "three": {"a": [2.0], "b": [2.0], "constant": [2.0]},
    "lacks b": {"a": [0.0], "constant": [1.0]},
}


@pytest.fixture(autouse=True, scope="module")
def _few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality_figures, "DRAWS", 50)
        yield


def test_figures_by_hand():
    means = quality_figures.means(_ERRORS, ["a", "b", "constant"])
    assert means.tolist() == [[2.0, 3.0, 4.0], [5.0, 4.0, 6.0], [2.0, 2.0, 2.0]]
    assert quality_figures.ranks(means[:, :2]) == pytest.approx([4.5 / 3, 4.5 / 3])
    assert quality_figures.win_share(means[:, :2]) == 0.5
    # Of the tables: 0, 1/2 and 1 for "a"; 1/2, 0 and 1 for "b".
    assert quality_figures.normalised(means) == pytest.approx([0.5, 0.5, 1.0])
    assert quality_figures.ratio(means[:, :2]) == pytest.approx((2 / 3 * 5 / 4) ** (1 / 3))


def test_sides_are_compared_on_the_splits_that_both_have():
    errors = {"one": {"a": [1.0, 3.0, 8.0], "b": [2.0, 2.5], "constant": [4.0] * 3}}
    assert quality_figures.means(errors, ["a", "b"]).tolist() == [[2.0, 2.25]]
    assert quality_figures.means(errors, ["a", "constant"]).tolist() == [[4.0, 4.0]]
    sides = {name: {"errors": found} for name, found in errors["one"].items()}
    record = {"about": {"task": "regression", "rows": 9}, "sides": sides}
    row = quality.table_line("one", record, ["a", "mlp", "b"])
    assert row == "| one | regression | 9 | 2 | **2.0000** |  | 2.2500 |"


def test_a_side_far_worse_than_the_constant_counts_as_the_constant():
    errors = np.array([[0.0, 1e9, 1.0]])
    assert quality_figures.normalised(errors).tolist() == [0.0, 1.0, 1.0]


_LISTS = st.lists(st.floats(0.1, 10), min_size=2, max_size=4)


@settings(max_examples=5)
@given(st.lists(_LISTS, min_size=1, max_size=5), st.floats(1.5, 3))
def test_a_side_that_is_better_everywhere_wins_with_certainty(ours, factor):
    errors = {
        str(i): {"a": one, "b": [factor * e for e in one], "constant": [99.0] * len(one)}
        for i, one in enumerate(ours)
    }
    pair = quality_figures.of_pair(errors, "a", "b")
    assert pair["won"] == pair["tables"] == len(ours)
    assert pair["share"] == (1.0, 1.0, 1.0)
    assert pair["ratio"] == pytest.approx((1 / factor,) * 3)
    each = quality_figures.of_each(errors, ["a", "b"], "constant")
    assert [found["mean rank"] for found in each.values()] == [(1.0,) * 3, (2.0,) * 3]


@pytest.mark.parametrize("name", ["iris", "iris_petal", "wine_proline", "photograph"])
def test_a_split_of_a_bundled_table_leaves_no_row_out_and_the_target_out_of_the_features(name):
    frame, y, task = tables.raw_table(name)
    split = tables.split(name, seed=0, rows=100, held_out=60)
    assert len(split.y) == min(100, 3 * len(y) // 4)
    assert len(split.y_test) == min(60, len(y) - len(split.y))
    assert task == split.task
    if task == "regression":
        assert not any((split.X[:, i] == split.y.astype(np.float32)).all() for i in range(4))
        assert set(split.y) <= set(y)
    assert y.name not in frame.columns


def test_errors_are_those_of_scikit_learn_and_a_failed_fit_counts_as_the_constant(monkeypatch):
    def fails(regression, seed):
        raise ValueError("no such network")

    monkeypatch.setitem(quality_sides.SIDES, "fails", fails)
    monkeypatch.setitem(quality_sides.SIDES, "bayes", lambda regression, seed: GaussianNB())
    monkeypatch.setattr(quality, "REPEATED", 2)
    monkeypatch.setattr(quality.os, "sched_setaffinity", lambda pid, cores: None, raising=False)
    found = quality.table_side("iris", ["bayes", "fails"], seeds=1, rows=100)["sides"]
    assert found["fails"]["errors"] == found["constant"]["errors"]
    assert found["fails"]["failures"] == ["ValueError: no such network"] * 2
    split = tables.split("iris", 1, 100, quality.HELD_OUT)
    model = GaussianNB().fit(split.X, split.y)
    likelihood = model.predict_proba(split.X_test)[np.arange(len(split.y_test)), split.y_test]
    assert found["bayes"]["errors"][1] == pytest.approx(-np.log(likelihood).mean())

"""Sentences on columns that give the target away, or say nothing."""

import numpy as np
import pandas as pd
import pytest

from kohort.data.tables import read_table
from kohort.searches.problems.table_columns import copies_of
from kohort.searches.problems.tabular import table_problem

SIZES = np.random.default_rng(0).normal(size=30).round(3)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(("name", "told"), [("", True), ("year", False)])
def test_a_column_of_row_numbers_without_a_name_is_told_of(first, name, told, tmp_path):
    table = pd.DataFrame({"size": SIZES, "paid": 2 * SIZES}, index=np.arange(first, first + 30))
    table.to_csv(tmp_path / "t.csv", index_label=name)
    lines = table_problem(read_table(tmp_path / "t.csv")[0], "paid").lines
    words = "the first column ('Unnamed: 0') has no name and numbers the rows"
    assert any(words in line for line in lines) == told


def test_other_columns_without_a_name_are_not(tmp_path):
    table = pd.DataFrame({"": SIZES, "paid": 2 * SIZES, "more": np.arange(30)})
    table.to_csv(tmp_path / "t.csv", index=False)
    lines = table_problem(read_table(tmp_path / "t.csv")[0], "paid").lines
    assert not any("has no name" in line for line in lines)


def test_copies_of_the_target_are_told_of_whatever_their_type():
    X = pd.DataFrame({"a": SIZES, "b": -SIZES, "c": np.where(SIZES > 0, "yes", "no")})
    (line,) = copies_of(pd.Series(SIZES, name="paid"), X)
    assert "'a' hold the same values as the target 'paid'" in line
    (line,) = copies_of(X["c"].rename("sold").astype("category"), X)
    assert "'c' hold the same values as the target 'sold'" in line
    assert copies_of(pd.Series(SIZES + 1, name="paid"), X) == []

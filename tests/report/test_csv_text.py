"""CSV files: text is no formula for a spreadsheet, numbers stay numbers."""

import io

import numpy as np
import pandas as pd
import pytest

from kohort.report.csv_text import csv_text

TEXTS = ["=1+1", "-x", "@a", "+a", "\ta", "-", "--1", "-1+1", "=-1"]


@pytest.mark.parametrize("kind", [object, "string", "category"])
def test_cells_and_headers_of_text_are_no_formulas(kind):
    table = pd.DataFrame({"@header": pd.Series(TEXTS, dtype=kind), "plain": "a-b"})
    read = pd.read_csv(io.StringIO(csv_text(table)), skip_blank_lines=False)
    assert read.columns.tolist() == ["'@header", "plain"]
    assert read["'@header"].tolist() == [f"'{text}" for text in TEXTS]
    assert (read["plain"] == "a-b").all()


def test_text_begins_no_line_of_its_own():
    table = pd.DataFrame({"a": ["\ra", "b\r=1+1", "c\n=1+1"]})
    assert csv_text(table) == 'a\r\n"\'\ra"\r\n"b\r=1+1"\r\n"c\n=1+1"\r\n'


def test_numbers_stay_numbers():
    table = pd.DataFrame({"-1": [-1.5, np.nan], "a": ["-1", "+2e-3"], "b": [-3, 4]})
    assert csv_text(table) == "-1,a,b\n-1.5,-1,-3\n,+2e-3,4\n"

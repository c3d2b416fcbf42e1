"""The check of docstrings that `make lint` runs (`tools/docstrings.py`) finds each fault."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("numpydoc")

_TOOL = runpy.run_path(str(Path(__file__).parents[1] / "tools" / "docstrings.py"))


def good(rows):
    """Count the rows of a table.

    Parameters
    ----------
    rows : list
        The table.

    Returns
    -------
    int
        The number of rows, >= 0.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    if not rows:
        raise ValueError
    return len(rows)


def terse(rows):
    """Count the rows of a table.

    Parameters
    ----------
    rows

    Returns
    -------
    int
    """
    return len(rows)


def silent(rows=None):
    raise ValueError(rows)


silent.__doc__ = """Refuse a table that has no rows (Tukey 1962).

Parameters
----------
rows : list or None, default=None
    What of such is counted.
"""


def _codes(function):
    faults = _TOOL["faults"](f"tests.test_docstrings.{function.__name__}", function)
    return {fault.split()[0] for fault in faults}


def test_a_docstring_that_says_everything_has_no_fault():
    assert _codes(good) == set()


def test_parameters_and_results_need_a_type_and_a_meaning():
    assert _codes(terse) == {"PR04", "PR07", "RT03"}


def test_errors_papers_and_nouns_are_asked_for():
    assert _codes(silent) == {"RS01", "RF01", "PL01"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What a fit trains.", ["What"]),
        ("Members of a fit.\n\nWhat ends is kept. Who asks gets it.", ["What", "Who"]),
        ("A pair.\n\nParameters\n----------\nx : list of str\n    As many as rows.", ["As many"]),
        ("Wait for so many fits, or a list of such.", ["so many", "of such"]),
        ("What is a cohort? Fits that train together.", []),
        ("Copy rows, as many as there are, whatever they hold.", []),
        (">>> What = 1\n>>> What\n1", []),
    ],
)
def test_words_in_place_of_a_noun_are_found(text, found):
    assert [fault.split("'")[1].strip(". ") for _, fault in _TOOL["riddles"](text)] == found


def test_every_docstring_of_a_file_is_looked_at_and_no_other_text():
    source = '''"""Of the module."""
X = "What is no docstring."
"""Of a constant."""
class A:
    """Of a class."""
    def f(self):
        """Of a method."""
        async def g():
            """Of a function."""
            return "What"
'''
    found = list(_TOOL["docstrings"](source))
    assert sorted(found) == [
        (1, "Of the module."), (3, "Of a constant."), (5, "Of a class."), (7, "Of a method."),
        (9, "Of a function."),
    ]  # fmt: skip


def test_a_public_name_needs_an_example():
    def function():
        """Do nothing."""

    (fault,) = _TOOL["faults"]("kohort.show_versions", function)
    assert fault.startswith("EX01")


def test_methods_are_looked_at_where_their_docstring_stands():
    public = dict(_TOOL["public"]())
    assert "kohort.estimators.keras_models.estimator.KerasEstimator.prepare" in public

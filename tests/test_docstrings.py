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
    """Refuse a table that has no rows (Tukey 1962).

    Parameters
    ----------
    rows : list or None, default=None
        What of such is counted.
    """
    raise ValueError(rows)


def _codes(function):
    faults = _TOOL["faults"](f"tests.test_docstrings.{function.__name__}", function)
    return {fault.split()[0] for fault in faults}


def test_a_docstring_that_says_everything_has_no_fault():
    assert _codes(good) == set()


def test_parameters_and_results_need_a_type_and_a_meaning():
    assert _codes(terse) == {"PR04", "PR07", "RT03"}


def test_errors_papers_and_nouns_are_asked_for():
    assert _codes(silent) == {"RS01", "RF01", "PL01"}


def test_a_public_name_needs_an_example():
    def function():
        """Do nothing."""

    (fault,) = _TOOL["faults"]("kohort.show_versions", function)
    assert fault.startswith("EX01")


def test_methods_are_looked_at_where_their_docstring_stands():
    public = dict(_TOOL["public"]())
    assert "kohort.estimators.keras_models.estimator.KerasEstimator.prepare" in public

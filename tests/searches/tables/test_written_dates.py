"""Dates written as text: a table to predict is read as the table in `fit` was."""

import numpy as np
import pandas as pd
import pytest

import kohort
from kohort.searches.problems.tabular import TabularModel

pytest.importorskip("skrub")

_ROWS = 60
_DAYS = pd.Series(pd.date_range("2020-01-01", periods=_ROWS, freq="40D"))
_NUMBERS = np.random.default_rng(0).normal(size=_ROWS)
_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST = "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d"
_LATER = pd.Series(pd.to_datetime(["2024-05-03", "2025-12-01", None]))
"""Dates of which day and month can be exchanged."""


def _table(days):
    return pd.DataFrame({"x": _NUMBERS[: len(days)], "day": days})


def _model(days, **more):
    network = kohort.DenseRegressor(depth=1, width=8, epochs=20, random_state=0)
    model = kohort.TabularRegressor(network, random_state=0, **more)
    return model.fit(_table(days), _NUMBERS + np.arange(len(days)))


@pytest.fixture(scope="module")
def models():
    """A model for each format of the training table; None for dates that are no text."""
    formats = (_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST)
    written = {form: _model(_DAYS.dt.strftime(form)) for form in formats}
    return written | {None: _model(_DAYS)}


@pytest.mark.parametrize(
    ("learned", "given"),
    [
        (_DAY_FIRST, _DAY_FIRST),
        (_MONTH_FIRST, _MONTH_FIRST),
        (_YEAR_FIRST, _YEAR_FIRST),
        (_DAY_FIRST, "%d.%m.%Y"),
        (_MONTH_FIRST, "%m-%d-%Y"),
        (_DAY_FIRST, _YEAR_FIRST),
        (_MONTH_FIRST, "%d %B %Y"),
        (None, _YEAR_FIRST),
    ],
)
def test_dates_that_could_be_read_two_ways_are_read_as_in_training(models, learned, given):
    assert _LATER.dt.strftime(given).notna().sum() == 2
    expected = models[learned].predict(_table(_LATER))
    assert np.ptp(expected) > 1
    found = models[learned].predict(_table(_LATER.dt.strftime(given)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("learned", [_DAY_FIRST, _MONTH_FIRST])
def test_dates_in_the_other_order_are_refused_by_name(models, learned):
    (other,) = {_DAY_FIRST, _MONTH_FIRST} - {learned}
    days = pd.Series(pd.to_datetime(["2024-05-03", "2024-12-25"])).dt.strftime(other)
    message = (
        rf"'day' must hold dates written as '{learned}' \(.*\), as in training; got '{days[1]}' in "
        r"row 2\. Write its dates so, or as 2024-12-25, or leave them empty\."
    )
    with pytest.raises(kohort.DataError, match=message):
        models[learned].predict(_table(days))


@pytest.mark.parametrize("learned", [_YEAR_FIRST, None])
def test_where_training_says_no_order_an_open_one_is_refused(models, learned):
    message = r"'day' must hold dates whose day and month can be told apart.*'05/03/2024' in row 1"
    with pytest.raises(kohort.DataError, match=message):
        models[learned].predict(_table(_LATER.dt.strftime(_MONTH_FIRST)))
    clear = pd.Series(["25/03/2024", "05/03/2024"])
    expected = models[learned].predict(_table(pd.to_datetime(clear, format=_DAY_FIRST)))
    np.testing.assert_array_equal(models[learned].predict(_table(clear)), expected)


def test_a_fold_whose_dates_could_be_read_two_ways_is_read_as_the_whole_table():
    """Day-first dates, of which one alone says so: 1 of the 3 folds is trained without it."""
    early = pd.Series(pd.to_datetime([f"202{n // 12}-{n % 12 + 1:02}-05" for n in range(_ROWS)]))
    days = early.where(early.index != 7, pd.Timestamp("2021-03-25"))
    options = {"search": "random", "n_candidates": 1, "cv": 3}
    model = _model(days.dt.strftime(_DAY_FIRST), **options)
    assert model.columns_["day"].startswith("date")
    np.testing.assert_array_equal(
        model.predict(_table(days)), _model(days, **options).predict(_table(days))
    )


def test_the_format_is_kept_in_the_folder(models, tmp_path):
    model = models[_DAY_FIRST]
    TabularModel(model, "price").save(tmp_path / "run")
    again = TabularModel.load(tmp_path / "run", trusted=True)
    assert again.table.columns_ == model.columns_ == {"x": "number", "day": "date as %d/%m/%Y"}
    path = tmp_path / "new.csv"
    _table(_LATER.dt.strftime(_DAY_FIRST)).to_csv(path, index=False)
    np.testing.assert_allclose(
        again.predictions([path])["price"], model.predict(_table(_LATER)), rtol=1e-6
    )

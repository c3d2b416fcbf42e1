"""Dates written as text: every list of dates in every format reads back equal, or is told of."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import kohort
from kohort.data.dates import dates_as, written_dates
from kohort.data.features import read_features

_FORMATS = [
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%Y-%m-%d", "%Y/%m/%d", "%d %B %Y",
    "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S",
]  # fmt: skip
_DATES = st.lists(
    st.none() | st.dates(date(1900, 1, 1), date(2099, 12, 31)), min_size=1, max_size=8
).filter(any)


def _written(days, form):
    return pd.Series([day and pd.Timestamp(day).strftime(form) for day in days], dtype=object)


def _equal(read, days):
    return [None if day is pd.NaT else day.date() for day in read] == days


@given(_DATES, st.sampled_from(_FORMATS))
@example([date(2024, 5, 5)], "%d/%m/%Y")
@example([date(2024, 3, 5)], "%Y-%m-%d")
def test_any_dates_in_the_format_of_training_read_back(days, form):
    assert _equal(dates_as(_written(days, form), form), days)


@given(_DATES, st.sampled_from(_FORMATS))
def test_any_dates_read_back_unless_day_and_month_may_be_exchanged(days, form):
    found = written_dates(_written(days, form))
    if form == found.other:
        assert _equal(dates_as(_written(days, form), found.other), days)
    else:
        assert _equal(found.values, days)


@given(_DATES, st.sampled_from(_FORMATS[:4]), st.sampled_from(_FORMATS[:4]))
def test_no_date_is_read_with_day_and_month_exchanged(days, learned, form):
    try:
        read = dates_as(_written(days, form), learned)
    except kohort.DataError:
        assert learned[1] != form[1]
    else:
        assert learned[1] != form[1] or _equal(read, days)


@pytest.mark.parametrize(
    ("texts", "known", "message"),
    [
        (["25/03/2024", "x"], "%d/%m/%Y", r"written as '%d/%m/%Y' \(25/12/2024\).*'x' in row 2"),
        ([None, "25/03/2024", "soon"], None, r"dates in one format.*'soon' in row 3"),
        (["25/03/2024", "2024-03-25"], None, r"dates in one format.*'2024-03-25' in row 2"),
        ([20240325], "%Y-%m-%d", r"'%Y-%m-%d' \(2024-12-25\).*got 20240325 in row 1"),
        (["05/05/2024", "05/03/2024"], None, r"told apart.*'05/03/2024' in row 2.*2024-05-03\."),
    ],
)
def test_the_first_row_that_does_not_fit_is_named(texts, known, message):
    with pytest.raises(kohort.DataError, match=rf"Column 'day' must hold .*{message}"):
        dates_as(pd.Series(texts, name="day"), known)


def test_offsets_from_utc_are_dates_in_utc():
    texts = ["2024-03-25T10:00:00+02:00", "2024-03-25T10:00:00+03:00"]
    found = written_dates(pd.Series(texts))
    assert found.values.dt.hour.tolist() == [8, 7]
    assert dates_as(pd.Series(texts), found.format).equals(found.values)


def test_an_order_that_was_assumed_is_told():
    either, clear = ["05/03/2024", "04/03/2024"], ["05/03/2024", "25/03/2024"]
    found = read_features(pd.DataFrame({"a": either, "b": clear}))
    assert found.kinds == {"a": "date as %m/%d/%Y", "b": "date as %d/%m/%Y"}
    assert found.notes == [
        "Column 'a' is read with the month first ('05/03/2024' as 2024-05-03); if the day comes "
        "first, write its dates with the year first."
    ]

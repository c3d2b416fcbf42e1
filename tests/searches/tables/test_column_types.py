"""Tables of raw data: each type of a column is read as what it is, in `fit` and `predict`."""

import numpy as np
import pandas as pd
import pytest

import kohort

pytest.importorskip("skrub")

_ROWS = 60
_FLAG = np.array([True, False] * (_ROWS // 2))
_TABLE = pd.DataFrame({"x": np.random.default_rng(0).normal(size=_ROWS), "flag": _FLAG})
_Y = _TABLE["x"].to_numpy() + 3 * _FLAG


def _model():
    network = kohort.DenseRegressor(depth=1, width=8, epochs=20, random_state=0)
    return kohort.TabularRegressor(network, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return _model().fit(_TABLE, _Y)


def test_truth_values_are_known_however_they_are_written_later(fitted):
    assert fitted.columns_ == {"x": "number", "flag": "truth value"}
    expected = fitted.predict(_TABLE)
    assert np.ptp(expected[:2]) > 0
    for flag in (
        np.where(_FLAG, "yes", "no"), np.where(_FLAG, "True", "False"), _FLAG.astype(int),
        _FLAG.astype(object), pd.Series(_FLAG, dtype="boolean"),
    ):  # fmt: skip
        np.testing.assert_array_equal(fitted.predict(_TABLE.assign(flag=flag)), expected)
    with pytest.raises(kohort.DataError, match=r"'flag' must hold truth values .* got 'perhaps'"):
        fitted.predict(_TABLE.assign(flag="perhaps"))


@pytest.mark.parametrize(
    ("column", "plain"),
    [
        (pd.Series([1.5, None, 2] * 20, dtype=object), [1.5, np.nan, 2.0] * 20),
        (pd.arrays.SparseArray([0, 1, 0] * 20), [0, 1, 0] * 20),
        (pd.to_timedelta([1, 2, 3] * 20, "min"), [60.0, 120.0, 180.0] * 20),
    ],
    ids=["objects", "sparse", "durations"],
)  # fmt: skip
def test_numbers_in_types_of_pandas_are_numbers(column, plain):
    given, expected = _TABLE.assign(more=column), _TABLE.assign(more=plain)
    model, same = _model().fit(given, _Y), _model().fit(expected, _Y)
    assert model.columns_["more"] == "number"
    np.testing.assert_array_equal(model.predict(given), same.predict(expected))


def test_an_array_has_the_columns_of_the_table_in_fit(fitted):
    table = _TABLE.to_numpy(object)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(fitted.predict(table), fitted.predict(_TABLE))


def test_what_no_network_takes_is_named():
    large = _TABLE.assign(more=np.r_[1e300, np.ones(_ROWS - 1)])
    with pytest.raises(kohort.DataError, match=r"'more' .* at most 3.4e\+38.*1e\+300 in row 1"):
        _model().fit(large, _Y)
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        _model().fit(_TABLE[[]], _Y)
    for network in ("dense", kohort.DenseRegressor):
        with pytest.raises(kohort.ParameterError, match=r"`network` must be a kohort\.Dense"):
            kohort.TabularRegressor(network).fit(_TABLE, _Y)


def test_dates_are_known_however_they_are_written_later():
    days = pd.Series(pd.date_range("2020-01-01", periods=_ROWS, freq="40D"))
    dated = _TABLE.assign(day=days)
    model = _model().fit(dated, _Y + np.arange(_ROWS))
    expected = model.predict(dated)
    for day in (
        days.dt.strftime("%d/%m/%Y"), days.dt.strftime("%Y-%m-%d"), days.dt.date,
        days.dt.strftime("%m/%d/%Y"),
    ):  # fmt: skip
        np.testing.assert_array_equal(model.predict(dated.assign(day=day)), expected)
    gaps = dated.assign(day=days.where(days.index > 3)).set_index(np.zeros(_ROWS))
    written = gaps.assign(day=gaps["day"].dt.strftime("%d.%m.%Y"))
    np.testing.assert_array_equal(model.predict(written), model.predict(gaps))
    for wrong, shown in (("soon", "'soon'"), (5, "5"), (True, "True")):
        message = rf"'day' must hold dates in one format, as in training; got {shown} in row 1\."
        with pytest.raises(kohort.DataError, match=message):
            model.predict(dated.assign(day=wrong))
